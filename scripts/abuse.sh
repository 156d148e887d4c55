#!/usr/bin/env bash
# Abuses a release build in every known way at once, over loopback, for SECONDS_EACH (60) seconds, and measures what a
# well-behaved key gets meanwhile. See tests/Benchmarks/abuse.py for the abuses and the limits that must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh

SECONDS_EACH=${SECONDS_EACH:-60}
ROWS=${ROWS:-300000}
. scripts/measured-server.sh

ulimit -n "$(ulimit -Hn)"
serve LLMRING_REGISTRY_BASE_URL="${REGISTRY:-http://127.0.0.1:9/}" LLMRING_MCP_ALLOWED_NETWORKS=127.0.0.1

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
# Without its abuses the measurement says nothing.
wait "$attack" || status=1
echo && cat "$WORK/attack"
[ "$status" = 0 ] || tail -5 "$WORK/server.log" | cut -c1-300
exit "$status"
