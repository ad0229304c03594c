#!/usr/bin/env bash
# A clone of what is committed, installed under an empty HOME: what a new user has after the first command.
set -euo pipefail
clone=$1
git clone --quiet --no-local . "$clone"
mkdir -p "$clone.home"
cd "$clone"
HOME="$clone.home" npm ci
