#!/bin/bash
# kill -9 at many random moments under load (200 unless told otherwise), in a release build: nothing that the store had
# acknowledged is lost, nothing is twice, and it verifies after each.  testbed/store-kill.sh [rounds]
set -euo pipefail
cd "$(dirname "$0")/.."
ROOTLINE_KILL_ROUNDS=${1:-200} cargo test --release -p rootline-store --test kill -- --nocapture \
  nothing_acknowledged_is_lost_and_nothing_is_twice_after_kill_9
