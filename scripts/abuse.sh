#!/usr/bin/env bash
# Abuses a release build in every known way at once, over loopback, for SECONDS_EACH (60) seconds, and measures what a
# well-behaved key gets meanwhile. See tests/Benchmarks/abuse.py for the abuses and the limits that must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need initdb postgresql
need python3 python3

SECONDS_EACH=${SECONDS_EACH:-60}
ROWS=${ROWS:-300000}
WORK=$(mktemp -d /tmp/llmring-abuse-XXXXXX)
chmod 755 "$WORK"
PGBIN=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -1 || command -v initdb)")
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
PGPORT=$(free_port) PORT=$(free_port)
export PGPORT PGHOST=127.0.0.1 PGUSER=abuse PGDATABASE=abuse
as_postgres() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }

finish() {
    [ -n "${SERVER:-}" ] && kill "$SERVER" 2>/dev/null && wait "$SERVER" 2>/dev/null || true
    as_postgres "$PGBIN/pg_ctl" stop -D "$WORK/data" -m fast -s >/dev/null 2>&1 || true
    rm -rf "$WORK"
}
trap finish EXIT

dotnet publish src/Host -c Release --use-current-runtime --no-self-contained -p:PublishReadyToRun=true --disable-build-servers -o "$WORK/server" -v quiet -nologo
if [ "$(id -u)" = 0 ]; then install -d -o postgres "$WORK/data"; fi
as_postgres "$PGBIN/initdb" -D "$WORK/data" -U abuse --auth=trust --encoding=UTF8 --locale=C >/dev/null
as_postgres "$PGBIN/pg_ctl" start -D "$WORK/data" -w -s -l "$WORK/data/log" -o "-c listen_addresses=127.0.0.1 -c port=$PGPORT -c unix_socket_directories="
createdb abuse

ulimit -n "$(ulimit -Hn)"
LLMRING_DATABASE_URL="postgresql://abuse@127.0.0.1:$PGPORT/abuse" LLMRING_REGISTRY_BASE_URL="${REGISTRY:-http://127.0.0.1:9/}" \
    LLMRING_REDIS_URL=redis://127.0.0.1:1/0 LLMRING_MCP_ALLOWED_NETWORKS=127.0.0.1 \
    "$WORK/server/llmring-server" serve --env prod --host 127.0.0.1 --port "$PORT" >"$WORK/server.log" 2>&1 &
SERVER=$!
for _ in $(seq 100); do curl -sf "http://127.0.0.1:$PORT/health" >/dev/null && break; sleep 0.2; done

python3 - "http://127.0.0.1:$PORT" "$ROWS" <<'PYTHON'
import json, sys, urllib.request
usage = {"provider": "openai", "model": "gpt-4.1", "input_tokens": 1200, "output_tokens": 350, "metadata": {"text": "x" * 200}}
for _ in range(int(sys.argv[2]) // 10_000):
    urllib.request.urlopen(urllib.request.Request(f"{sys.argv[1]}/api/v1/log/batch", json.dumps([usage] * 10_000).encode(),
        {"Content-Type": "application/json", "X-API-Key": "exported"})).read()
PYTHON
echo "$(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(date -u +%F), commit $(git rev-parse --short HEAD), $SECONDS_EACH s"
export EXPORT_KEY=exported
status=0
# The abuses go on a little longer than the measurement, which ends the script.
timeout $((SECONDS_EACH + 60)) python3 tests/Benchmarks/abuse.py attack "http://127.0.0.1:$PORT" $((SECONDS_EACH + 4)) >"$WORK/attack" 2>/dev/null &
attack=$!
timeout $((SECONDS_EACH + 90)) python3 tests/Benchmarks/abuse.py measure "http://127.0.0.1:$PORT" "$SECONDS_EACH" "$SERVER" || status=$?
wait "$attack" || true
echo && cat "$WORK/attack"
[ "$status" = 0 ] || tail -5 "$WORK/server.log" | cut -c1-300
exit "$status"
