#!/usr/bin/env bash
# Every test, in the order in which a mistake is cheapest to find. What is said last is the runner's own summary.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_rust
need python3=python3 c++=g++ sipp=sip-tester baresip=baresip-core chromedriver=chromium-driver \
    faketime=faketime openssl=openssl /usr/lib/postgresql/15/bin/initdb=postgresql
# python3-minimal is a python3 without most of its library.
python3 -c 'import json' 2>/dev/null || install_packages python3

need_mail_server

step "format" cargo fmt --all --check
step "lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
step "the fuzz target" cargo check --manifest-path fuzz/Cargo.toml --target-dir target --locked --quiet
step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
step "examples in the documentation" cargo test --workspace --doc --locked --quiet

# The suite runs on SQLite and on a PostgreSQL of its own, which it finds in MUSTER_TEST_POSTGRES.
if cargo nextest --version >/dev/null 2>&1; then
    exec scripts/test-postgres.sh run cargo nextest run --workspace --locked "$@"
else
    # One at a time: without nextest nothing keeps the tests that need the whole machine apart.
    status=0
    scripts/test-postgres.sh run cargo test --workspace --locked --no-fail-fast -- --test-threads 1 "$@" 2>&1 | tee target/test.log || status=$?
    awk '/^test result:/ { passed += $4; failed += $6 } END { print passed + 0 " passed, " failed + 0 " failed" }' target/test.log
    exit $status
fi
