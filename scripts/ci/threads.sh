#!/usr/bin/env bash
# More than one thread: conformance with the clock at hand, again as in production (where protocol threads find the records),
# and kill -9 under load.
set -euo pipefail
THREADS=2 npm run --silent test:conformance
DEV=off THREADS=4 npm run --silent test:conformance
THREADS=2 ROUNDS=4 npm run --silent test:crash -- kill
