#!/usr/bin/env bash
# The release binary, target/release/muster.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

need_rust
step "build" cargo build --release --locked -p muster
