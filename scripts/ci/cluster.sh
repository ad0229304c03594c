#!/usr/bin/env bash
# The cluster tests, and the bench of the cluster at smoke size, with the server that they need.
set -euo pipefail
if [ -z "${NATS_SERVER:-}" ] && ! command -v nats-server >/dev/null; then
  GOBIN="$PWD/.cache/bin" go install github.com/nats-io/nats-server/v2@v2.15.1
  export NATS_SERVER="$PWD/.cache/bin/nats-server"
fi
npm run --silent test:cluster
npm run --silent bench:cluster -- --smoke
