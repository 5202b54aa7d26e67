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
