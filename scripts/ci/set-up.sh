#!/usr/bin/env bash
# Installs what the suites need: the workspaces, and the clients and tools of other languages, pinned.
set -euo pipefail
npm ci
npm run --silent build
# The crash suite mounts file systems of its own.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  missing=()
  command -v mkfs.ext4 >/dev/null || missing+=(e2fsprogs)
  command -v losetup >/dev/null || missing+=(mount)
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  fi
fi
