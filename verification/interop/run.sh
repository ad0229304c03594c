#!/usr/bin/env bash
# The conformance suite through the SDKs of other languages: boto3 (HTTP/1.1, JSON) and the AWS SDK for Java 2 (HTTP/2,
# CBOR); what Amazon's Kinesis Agent sends, by the first SDK for Java; the SDK for Go; then the KPL, the KCL and Flink. Installs
# what they need, pinned. Each program counts as a test; those that failed are named at the end, with the last that they said.
set -euo pipefail
cd "$(dirname "$0")/../.."
failed=()
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# ended NAME STATUS LOG: notes how a program went, for the closing lines, and for the run that this is a part of.
ended() {
  local name=$1 status=$2 log=$3
  if [ "$status" = 0 ]; then
    # The conformance suite's tests are counted by its own report.
    [[ -z "${VITEST_REPORT:-}" || $name == conformance-* ]] || touch "$VITEST_REPORT: $name.passed"
    return
  fi
  failed+=("$name")
  {
    echo "exit $status; the last that it said:"
    tail -n 60 "$log" | sed 's/^/  /'
  } >"$log.end"
  [ -z "${VITEST_REPORT:-}" ] || cp "$log.end" "$VITEST_REPORT: $name.died"
}

# program NAME COMMAND...
program() {
  local name=$1 log="$logs/$1" status=0
  shift
  "$@" 2>&1 | tee "$log" || status=$?
  ended "$name" "$status" "$log"
}

# They wait for leases and for each other more than they work, so some go side by side, each with a server of its own.
side_by_side() {
  local at status runs=()
  for at in "$@"; do
    # shellcheck disable=SC2086
    node verification/interop/$at >"$logs/${at//\//-}" 2>&1 &
    runs+=($!)
  done
  for at in "$@"; do
    status=0
    wait "${runs[0]}" || status=$?
    runs=("${runs[@]:1}")
    cat "$logs/${at//\//-}"
    ended "${at//\//-}" "$status" "$logs/${at//\//-}"
  done
}

# built NAME COMMAND...: makes a program, whose libraries come over a network: what fails is tried twice more.
built() {
  local name=$1 attempt
  shift
  for attempt in 1 2 3; do
    "$@" >"$logs/build" 2>&1 && return
    echo "making $name has failed ($attempt of 3):"
    tail -n 20 "$logs/build"
  done
  ended "making $name" 1 "$logs/build"
}

built python verification/interop/python/install
built java mvn -q -B -f verification/interop/java package
built java-v1 mvn -q -B -f verification/interop/java-v1 package
built go go -C verification/interop/go build -o target/ .
built kpl mvn -q -B -f verification/interop/kpl package
built kcl mvn -q -B -f verification/interop/kcl package
built kcl-2.7.2 mvn -q -B -f verification/interop/kcl -Dkcl.version=2.7.2 package
built flink mvn -q -B -f verification/interop/flink package

CLIENT=python program conformance-python npx --no-install vitest run --config verification/conformance/vitest.config.ts
CLIENT=java program conformance-java npx --no-install vitest run --config verification/conformance/vitest.config.ts
program java-v1 node verification/interop/java-v1/run.mjs
program go node verification/interop/go/run.mjs
side_by_side "kcl/run.mjs polling" "kcl/run.mjs fan-out" "kcl/run.mjs polling 2.7.2"
side_by_side "kcl/fleet.mjs polling" "kcl/mixed.mjs"
side_by_side "kcl/fleet.mjs fan-out" "kpl/run.mjs" "kcl/migrate.mjs"
program kpl-ours.mjs node verification/interop/kpl/ours.mjs
# The bench beside the KPL, at its smallest: with the KPL there, it must have put the same as the others.
program produce-beside node bench/dist/main.js --only produce-beside --smoke
side_by_side "flink/run.mjs polling" "flink/run.mjs fan-out"

for name in "${failed[@]}"; do
  echo
  echo "interop: $name has failed"
  # What could not be made is told above.
  [ ! -f "$logs/$name.end" ] || cat "$logs/$name.end"
done
[ ${#failed[@]} = 0 ]
