#!/usr/bin/env bash
# The conformance suite through the SDKs of other languages: boto3 (HTTP/1.1, JSON) and the AWS SDK for Java 2 (HTTP/2,
# CBOR); what Amazon's Kinesis Agent sends, by the first SDK for Java; the SDK for Go; then the KPL, the KCL and Flink. Installs
# what they need, pinned.
set -euo pipefail
cd "$(dirname "$0")/../.."
status=0
verification/interop/python/install
CLIENT=python npx --no-install vitest run --config verification/conformance/vitest.config.ts || status=$?
mvn -q -B -f verification/interop/java package
CLIENT=java npx --no-install vitest run --config verification/conformance/vitest.config.ts || status=$?
mvn -q -B -f verification/interop/java-v1 package
node verification/interop/java-v1/run.mjs || status=$?
go -C verification/interop/go build -o target/ .
node verification/interop/go/run.mjs || status=$?
mvn -q -B -f verification/interop/kpl package
mvn -q -B -f verification/interop/kcl package
mvn -q -B -f verification/interop/kcl -Dkcl.version=2.7.2 package
mvn -q -B -f verification/interop/flink package
# They wait for leases and for each other more than they work, so some go side by side, each with a server of its own.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
side_by_side() {
  local at runs=()
  for at in "$@"; do
    # shellcheck disable=SC2086
    node verification/interop/$at >"$logs/${at//\//-}" 2>&1 &
    runs+=($!)
  done
  for at in "$@"; do
    wait "${runs[0]}" || status=$?
    runs=("${runs[@]:1}")
    cat "$logs/${at//\//-}"
  done
}
side_by_side "kcl/run.mjs polling" "kcl/run.mjs fan-out" "kcl/run.mjs polling 2.7.2"
side_by_side "kcl/fleet.mjs polling" "kcl/mixed.mjs"
side_by_side "kcl/fleet.mjs fan-out" "kpl/run.mjs" "kcl/migrate.mjs"
node verification/interop/kpl/ours.mjs || status=$?
# The bench beside the KPL, at its smallest: with the KPL there, it must have put the same as the others.
node bench/dist/main.js --only produce-beside --smoke || status=$?
side_by_side "flink/run.mjs polling" "flink/run.mjs fan-out"
exit $status
