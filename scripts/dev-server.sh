#!/usr/bin/env bash
# The server from its sources, for who works on it: embedded PostgreSQL, started anew whenever a file changes.
# Further arguments are those of `llmring-server serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
exec dotnet watch --project src/Host --non-interactive run -- serve --env dev --host 0.0.0.0 --port "${LLMRING_PORT:-9101}" "$@"
