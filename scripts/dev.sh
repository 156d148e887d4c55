#!/usr/bin/env bash
# Sets up and runs the server for development: embedded PostgreSQL, no Redis needed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
make --no-print-directory --silent .llmring/server/llmring-server
echo "Dashboard: http://localhost:${LLMRING_PORT:-9101}/dashboard (any text is an API key), API page: /docs"
exec .llmring/server/llmring-server serve --env dev --host 0.0.0.0 --port "${LLMRING_PORT:-9101}"
