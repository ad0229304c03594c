#!/usr/bin/env bash
# The README's test command in the fresh clone.
set -euo pipefail
cd "$1"
HOME="$1.home" npm test
