#!/usr/bin/env bash
# The README's start command in the fresh clone: the banner comes, a put and a get round-trip, SIGTERM ends it with 0.
set -euo pipefail
cd "$1"
HOME="$1.home" node scripts/ci/check-start.mjs
