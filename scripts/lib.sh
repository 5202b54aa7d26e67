# Finds the system's programs for the scripts beside it. Source it; do not run it.

# The folder of initdb and postgres, which are not in PATH on Debian.
postgres_bin() {
    local candidate
    for candidate in "${POSTGRES_BIN:-}" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) \
        "$(dirname "$(command -v initdb || true)")" \
        "$(pg_config --bindir 2>/dev/null || true)"; do
        if [[ -n $candidate && -x $candidate/initdb && -x $candidate/postgres ]]; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

# The pooler, which is in a folder of root's PATH on Debian.
pgbouncer_bin() {
    command -v pgbouncer || { [[ -x /usr/sbin/pgbouncer ]] && echo /usr/sbin/pgbouncer; }
}

# The browser of the tests; end2end/playwright.config.ts looks in the same order.
chromium_path() {
    if [[ -n ${CHROMIUM:-} ]]; then
        [[ -x $CHROMIUM ]] && echo "$CHROMIUM"
        return
    fi
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

# A port of 127.0.0.1 that nobody has at the moment, below the system's range for outgoing connections.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# wait_for LOG PID COMMAND…    until the command succeeds, at most 60 seconds and while the process lives; else prints the log.
wait_for() {
    local log=$1 pid=$2
    shift 2
    for _ in {1..600}; do
        if "$@" 2>/dev/null; then return; fi
        if ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    tail -20 "$log" >&2
    return 1
}
