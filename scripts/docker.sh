#!/usr/bin/env bash
# Builds the image and starts server, PostgreSQL and Redis; makes a password for the database the first time.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! grep -qs '^LLMRING_POSTGRES_PASSWORD=' .env; then
    umask 077
    touch .env
    chmod go-rwx .env
    # Its last line may have no end.
    [ -z "$(tail -c 1 .env)" ] || echo >>.env
    echo "LLMRING_POSTGRES_PASSWORD=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >>.env
fi
docker compose up --detach --build --wait
docker compose port server 8000
