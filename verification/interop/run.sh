#!/usr/bin/env bash
# The conformance suite through the SDKs of other languages: boto3 (HTTP/1.1, JSON) and the AWS SDK for Java 2 (HTTP/2,
# CBOR); then the KCL. Installs what they need, pinned.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
verification/interop/python/install
CLIENT=python npx --no-install vitest run --config verification/conformance/vitest.config.ts || status=$?
mvn -q -B -f verification/interop/java package
CLIENT=java npx --no-install vitest run --config verification/conformance/vitest.config.ts || status=$?
mvn -q -B -f verification/interop/kcl package
mvn -q -B -f verification/interop/kcl -Dkcl.version=2.7.2 package
# They wait for leases and for each other more than they work, so they go side by side, each with a server of its own.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
ways=("polling" "fan-out" "polling 2.7.2")
workers=()
for at in "${!ways[@]}"; do
  # shellcheck disable=SC2086
  node verification/interop/kcl/run.mjs ${ways[$at]} >"$logs/$at" 2>&1 &
  workers+=($!)
done
for at in "${!ways[@]}"; do
  wait "${workers[$at]}" || status=$?
  cat "$logs/$at"
done
exit $status
