#!/usr/bin/env bash
# Crashes: histories of the journal alone (fixed seeds, and some that nobody tried before), then the real program.
set -euo pipefail
fresh=$((1000000 + RANDOM * 32768 + RANDOM))
echo "the journal alone: seeds 1 to 300, and 100 from $fresh"
SEED=1 SEEDS=300 npx --no-install vitest run packages/log/src/journal/power-cut.test.ts
SEED=$fresh SEEDS=100 npx --no-install vitest run packages/log/src/journal/power-cut.test.ts
# Ten gigabytes here, three hundred megabytes when a person runs it.
SCALE_BYTES="${SCALE_BYTES:-10e9}" npm run --silent test:crash
