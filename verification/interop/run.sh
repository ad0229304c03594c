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
node verification/interop/kcl/run.mjs polling || status=$?
node verification/interop/kcl/run.mjs fan-out || status=$?
node verification/interop/kcl/run.mjs polling 2.7.2 || status=$?
exit $status
