#!/usr/bin/env bash
# Every benchmark beside its peer, into docs/benchmarks.md; arguments as `bench/run.py --help` says.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/build.sh
need python3=python3 sipp=sip-tester kamailio=kamailio /usr/lib/postgresql/15/bin/initdb=postgresql
# python3-minimal is a python3 without most of its library.
python3 -c 'import json' 2>/dev/null || install_packages python3
step "straight writer" cargo build --release --locked -p muster-store --example straight_write
# Ten thousand calls at once need more than the usual 1,024 files.
ulimit -n 65535 2>/dev/null || ulimit -n "$(ulimit -Hn)"
exec python3 bench/run.py "$@"
