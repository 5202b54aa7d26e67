# Topup's commands. `make` lists them; CONTRIBUTING.md explains them.

# Cargo's commands here name no package: they take the workspace's default members, so that all of them agree on the
# features of the dependencies and compile each once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Cargo's lock serialises builds in any case.
.NOTPARALLEL:
.DELETE_ON_ERROR:

TARGET := $(or $(CARGO_TARGET_DIR),target)
# The binary carries pkg/topup.css of this folder.
SITE := target/site
# `make test LOCKED=--locked` refuses a Cargo.lock that is older than Cargo.toml.
LOCKED ?=
# Arguments for the test runners: `make test-rust TEST=chain`, `make e2e E2E='--project=html -g cancel'`.
TEST ?=
E2E ?=

NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

.PHONY: help
help: ## Lists these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- the demo: needs only cargo, Node, npm and make

.PHONY: demo
demo: css ## Runs the demo: an SQLite file, a Stripe sandbox, four customers
	cargo build $(LOCKED) --features demo --bin topup
	exec $(TARGET)/debug/topup demo

.PHONY: demo-reset
demo-reset: ## Deletes the demo's data, so that `make demo` starts over
	@if grep -qF "$(CURDIR)/data/demo.db" <(ls -l /proc/[0-9]*/fd 2>/dev/null); then \
	    echo 'The demo is running. Stop it first (Ctrl-C where it runs), then reset it.' >&2; exit 1; \
	fi
	rm -rf data/demo.db data/demo.db-{wal,shm,journal} data/demo.db.lock data/demo-sandbox.db data/demo-sandbox.db-{wal,shm,journal} data/demo-mails
	@echo 'The demo starts over with the next `make demo`.'

# ---- files for browsers

.PHONY: css
css: node_modules/.css-tools ## Builds the stylesheet
	@mkdir -p $(SITE)/pkg
	node_modules/.bin/tailwindcss -i style/main.css -o $(SITE)/pkg/topup.css --minify

node_modules/.css-tools: package.json package-lock.json
	$(NPM_CI) --omit=dev
	@touch $@

# Only a release needs wasm-opt, whose package is thirty times as large.
node_modules/.all-tools: package.json package-lock.json
	$(NPM_CI)
	@touch node_modules/.css-tools $@

end2end/node_modules/.tools: end2end/package.json end2end/package-lock.json
	cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(NPM_CI)
	@touch $@

# ---- checks and tests

.PHONY: check
check: check-fmt check-clippy check-docs check-types ## Formatting, lints with and without the demo, docs, types of the browser tests

.PHONY: check-fmt
check-fmt:
	cargo fmt --all --check

.PHONY: check-clippy
check-clippy:
	cargo clippy $(LOCKED) --features demo --all-targets -- -D warnings
	cargo clippy $(LOCKED) -- -D warnings

.PHONY: check-docs
check-docs:
	RUSTDOCFLAGS='-D warnings' cargo doc $(LOCKED) --features demo --no-deps

.PHONY: check-types
check-types: end2end/node_modules/.tools
	end2end/node_modules/.bin/tsc -p end2end

.PHONY: test
# The Rust tests have built the binary.
test: BUILT := 1
test: test-needs css test-rust clients e2e ## Every test, on SQLite and PostgreSQL and in Chromium; installs what is missing

.PHONY: test-needs
test-needs:
	scripts/need postgres pgbouncer chromium programs clients

.PHONY: test-domain
test-domain: ## The rules alone, in seconds
	cargo test $(LOCKED) -p topup-domain $(TEST)

.PHONY: test-sandbox
test-sandbox: ## The Stripe sandbox alone
	cargo test $(LOCKED) -p stripe-sandbox $(TEST)

.PHONY: test-rust
test-rust: ## All Rust tests, with a temporary PostgreSQL
	cargo test $(LOCKED) --features demo --no-run
	scripts/with-postgres --fast cargo test $(LOCKED) --features demo --no-fail-fast $(TEST)

.PHONY: e2e
e2e: css end2end/node_modules/.tools ## Browser tests by Playwright, with and without JavaScript
	scripts/need chromium
	$(if $(BUILT),,cargo build $(LOCKED) --features demo --bin topup)
	cd end2end && TOPUP_BIN="$(abspath $(TARGET))/debug/topup" node_modules/.bin/playwright test $(E2E)

.PHONY: clients
clients: end2end/node_modules/.tools ## Generates clients from openapi.json and runs them against the binary
	scripts/need clients
	$(if $(BUILT),,cargo build $(LOCKED) --features demo --bin topup)
	scripts/clients "$(abspath $(TARGET))/debug/topup"

.PHONY: pictures
pictures: ## Updates the committed pictures of the pages; look at each change before you commit it
	$(MAKE) e2e E2E='--project=script --update-snapshots=changed pictures'

.PHONY: film
film: css end2end/node_modules/.tools ## Films the demo for the README: buy, use, reset
	scripts/need chromium film
	cargo build $(LOCKED) --features demo --bin topup
	source scripts/lib.sh && node end2end/film.mjs "$(abspath $(TARGET))/debug/topup" "$$(chromium_path)" \
	    docs/images/billing.png docs/images/buy-use-reset.webp

.PHONY: prove
prove: ## The long tests: many more histories, ten million entries, failovers; up to two hours
	scripts/need postgres pgbouncer failover
	PROPTEST_CASES=$${PROPTEST_CASES:-250000} TOPUP_PROVE=1 cargo test $(LOCKED) --release -p topup-domain -- --nocapture
	PROPTEST_CASES=$${PROPTEST_CASES:-2000} TOPUP_PROVE=1 scripts/with-postgres \
	    cargo test $(LOCKED) -p topup --features demo -- --nocapture
	LOCKED='$(LOCKED)' BENCH_BEHIND=10000000 scripts/bench behind
	scripts/failover $(TARGET)/debug/topup 3

.PHONY: failover
failover: css ## Charges while PostgreSQL fails over under Patroni: one round of each kind
	scripts/need failover
	cargo build $(LOCKED) --features demo --bin topup
	scripts/failover $(TARGET)/debug/topup $(ROUNDS) $(ONLY)

# `make failover ROUNDS=3 ONLY='kill cancel'`; scripts/failover lists the kinds.
ROUNDS ?= 1

.PHONY: bench
# `make bench ONLY='disk sqlite'` runs these parts; scripts/bench lists the names.
ONLY ?=
bench: ## Charges a second beside the disk, plain SQL and two libraries; ten minutes
	scripts/need postgres pgbouncer
	LOCKED='$(LOCKED)' scripts/bench $(ONLY)

# ---- builds by cargo-leptos

# Leptos' full types (.cargo/config.toml).
release: export RUSTFLAGS :=
LEPTOS = PATH="$$(scripts/tool cargo-leptos):$$(scripts/tool wasm-bindgen):$(CURDIR)/node_modules/.bin:$$PATH" cargo leptos

.PHONY: dev
dev: css ## Builds and runs the demo, and repeats whenever a file changes
	scripts/need wasm
	SITE_ROOT=$(SITE) $(LEPTOS) watch --bin-features demo -- demo

.PHONY: release
release: node_modules/.all-tools ## Builds target/release/topup, without the demo
	scripts/need wasm
	# Precompressing makes it build the stylesheet before the server that carries it.
	$(LEPTOS) build --release --precompress
	@ls -l $(TARGET)/release/topup

# A program that is built already, for instance by `make release`.
BIN ?= $(TARGET)/release/topup

.PHONY: package
package: ## Packs BIN, by default the release: a .deb, and an image for containers
	scripts/need package
	scripts/package "$(BIN)" "$(TARGET)/package"

.PHONY: test-packages
test-packages: ## Installs what `make package` made in clean roots and runs it; needs root
	scripts/need try-packages
	scripts/try-packages "$(TARGET)/package"

.PHONY: test-proxies
test-proxies: ## Runs contrib's nginx, Caddy and HAProxy in front of BIN
	scripts/need try-proxies
	scripts/try-proxies "$(BIN)"

.PHONY: measure
measure: release end2end/node_modules/.tools ## Start time, memory, page weight and Lighthouse of the release
	scripts/need chromium
	scripts/measure "$(abspath $(TARGET))/release/topup"
