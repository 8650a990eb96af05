#!/usr/bin/env bash
# Builds the program and starts it with its demo organization; further arguments go to `muster serve`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

scripts/build.sh
exec target/release/muster serve --demo "$@"
