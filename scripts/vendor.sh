#!/usr/bin/env bash
# Renews the libraries of the dashboard, src/Modules.Dashboard/Pages/vendor, from their npm packages. Neither the build nor the tests run
# this script: the files are in the repository, with their licences, and SHA256SUMS names each.
#   scripts/vendor.sh            unpacks the versions below
#   scripts/vendor.sh --check    compares the files with SHA256SUMS
set -euo pipefail
cd "$(dirname "$0")/.."
PREACT=11.2.0
HTM=3.1.1
vendor="$PWD/src/Modules.Dashboard/Pages/vendor"
if [ "${1:-}" = --check ]; then
    cd "$vendor" && exec sha256sum --check --quiet SHA256SUMS
fi
command -v npm >/dev/null || { echo "npm is missing: install it first." >&2; exit 1; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "preact@$PREACT" "htm@$HTM" >/dev/null
mkdir preact htm
tar xzf "preact-$PREACT.tgz" -C preact --strip-components=1
tar xzf "htm-$HTM.tgz" -C htm --strip-components=1

# Source maps are not served, and a browser resolves no package name.
strip() { sed -e '/^\/\/# sourceMappingURL=/d' -e 's|from"preact"|from"./preact.js"|' "$1"; }
strip preact/dist/preact.mjs > "$vendor/preact.js"
strip preact/hooks/dist/hooks.mjs > "$vendor/hooks.js"
strip htm/dist/htm.module.js > "$vendor/htm.js"
cp preact/LICENSE "$vendor/preact.LICENSE"
cp htm/LICENSE "$vendor/htm.LICENSE"
cd "$vendor"
printf 'preact %s MIT\nhtm %s Apache-2.0\n' "$PREACT" "$HTM" > VERSIONS
sha256sum ./*.js ./*.LICENSE VERSIONS > SHA256SUMS
