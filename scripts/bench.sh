#!/usr/bin/env bash
# Measures a release build over real HTTP against a fresh PostgreSQL with default durability, next to what PostgreSQL
# itself does in the same minutes. Prints a table. SECONDS_EACH (10) and STATS_ROWS (10000000) make it shorter or longer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need wrk wrk

SECONDS_EACH=${SECONDS_EACH:-10}
STATS_ROWS=${STATS_ROWS:-10000000}
. scripts/measured-server.sh
sql() { psql -qtAX -v ON_ERROR_STOP=1 -c "$1"; }
row() { printf '| %-64s | %12s | %9s | %9s |\n' "$@"; }

# A row of the table from wrk: requests per second times what each holds, and two percentiles.
load() { # NAME CONNECTIONS FACTOR SCRIPT PATH
    local out
    out=$(wrk -t$(($2 < 2 ? 1 : 2)) -c"$2" -d"${SECONDS_EACH}s" --latency -s "tests/Benchmarks/$4.lua" "http://127.0.0.1:$PORT$5")
    row "$1" "$(awk -v f="$3" '/^Requests\/sec/ { printf "%d", $2 * f }' <<<"$out")" "$(awk '$1 == "50%" { print $2 }' <<<"$out")" "$(awk '$1 == "99%" { print $2 }' <<<"$out")"
    if grep -q "Non-2xx" <<<"$out" && [ -z "${ETAG:-}" ]; then
        grep "Non-2xx" <<<"$out"
    fi
}

# A registry of the size of the public one.
python3 - "$WORK/registry" <<'PYTHON'
import json, os, sys
for provider, count in (("openai", 60), ("anthropic", 20), ("google", 40)):
    models = {f"{provider}:model-{i}": {"provider": provider, "model_name": f"model-{i}", "display_name": f"Model {i}", "description": "x" * 120,
              "dollars_per_million_tokens_input": 2.0, "dollars_per_million_tokens_output": 8.0, **{f"member_{n}": n for n in range(40)}} for i in range(count)}
    os.makedirs(f"{sys.argv[1]}/{provider}", exist_ok=True)
    json.dump({"provider": provider, "version": 1, "updated_at": "2026-01-01T00:00:00", "models": models}, open(f"{sys.argv[1]}/{provider}/models.json", "w"))
json.dump({"version": "1", "updated_at": "2026-01-01T00:00:00Z", "schema_version": "3.5",
           "providers": {p: {"file": f"{p}/models.json", "model_count": 1, "last_updated": "2026-01-01"} for p in ("openai", "anthropic", "google")}},
          open(f"{sys.argv[1]}/manifest.json", "w"))
usage = {"provider": "openai", "model": "model-1", "input_tokens": 1200, "output_tokens": 350, "alias": "fast", "origin": "bench", "latency_ms": 840}
json.dump(usage | {"cost": 0.0052}, open(f"{sys.argv[1]}/priced.json", "w"))
json.dump(usage, open(f"{sys.argv[1]}/unpriced.json", "w"))
json.dump([usage | {"cost": 0.0052}] * 10000, open(f"{sys.argv[1]}/batch.json", "w"))
json.dump({"messages": [{"role": "user", "content": "What is the weather like? " * 8}] * 4, "response": {"content": "Sunny. " * 30, "model": "model-1",
           "finish_reason": "stop", "usage": {}}, "metadata": {"provider": "openai", "model": "model-1", "cost": 0.01}}, open(f"{sys.argv[1]}/conversation.json", "w"))
PYTHON

serve LLMRING_REGISTRY_BASE_URL="file://$WORK/registry/"

echo "$(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(sql 'show server_version'), $(date -u +%F), load before: $(cut -d' ' -f1 /proc/loadavg), fsync $(sql 'show fsync'), synchronous_commit $(sql 'show synchronous_commit')"
row "what" "per second" "p50" "p99"
row "---" "---" "---" "---"
# What is measured is a server that has run for a while: the just-in-time compiler has seen the paths.
BODY="$WORK/registry/priced.json" SECONDS_EACH=40 load "warm-up" 32 1 post /api/v1/log >/dev/null
BODY="$WORK/registry/unpriced.json" SECONDS_EACH=5 load "warm-up" 32 1 post /api/v1/log >/dev/null
BODY="$WORK/registry/priced.json" load "POST /log with cost, 32 connections" 32 1 post /api/v1/log
BODY="$WORK/registry/unpriced.json" load "POST /log without cost, 32 connections" 32 1 post /api/v1/log
BODY="$WORK/registry/priced.json" load "POST /log with cost, 128 connections" 128 1 post /api/v1/log
row "memory of the server after it, MB (peak)" "$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$SERVER/status")" "" ""

cat >"$WORK/insert.sql" <<'SQL'
insert into llmring.usage_logs (id, api_key_id, provider, model, alias, profile, origin, input_tokens, output_tokens, cost, cost_source, latency_ms, metadata, created_at)
values (gen_random_uuid(), 'pgbench', 'openai', 'model-1', 'fast', 'default', 'bench', 1200, 350, 0.0052, 'client', 840, '{}', now());
SQL
pgbench -n -M prepared -c 32 -j 2 -T "$SECONDS_EACH" -f "$WORK/insert.sql" >"$WORK/pgbench.out" 2>/dev/null
row "baseline: pgbench, one insert per commit, 32 connections" "$(awk '/^tps/ { printf "%d", $3 }' "$WORK/pgbench.out")" "$(awk '/latency average/ { print $4 "ms avg" }' "$WORK/pgbench.out")" ""

BODY="$WORK/registry/batch.json" load "POST /log/batch of 10,000, rows, 2 connections" 2 10000 post /api/v1/log/batch
python3 tests/Benchmarks/traces.py "$WORK"
BODY="$WORK/calls.pb" SECONDS_EACH=5 load "warm-up" 4 1 traces /v1/traces >/dev/null
BODY="$WORK/calls.pb" load "POST /v1/traces of 512 spans, 170 of them calls, spans, 4 connections" 4 512 traces /v1/traces
BODY="$WORK/requests.pb" load "POST /v1/traces of 512 spans without a call, spans, 4 connections" 4 512 traces /v1/traces
sql "copy (select id, 'copy' as api_key_id, provider, model, alias, profile, origin, input_tokens, output_tokens, cost, cost_source, latency_ms, metadata, created_at from llmring.usage_logs limit 200000) to stdout" >"$WORK/rows"
before=$(date +%s%N)
sql "\\copy llmring.usage_logs (id, api_key_id, provider, model, alias, profile, origin, input_tokens, output_tokens, cost, cost_source, latency_ms, metadata, created_at) from '$WORK/rows'"
row "baseline: raw COPY, rows" "$(($(wc -l <"$WORK/rows") * 1000000000 / ($(date +%s%N) - before)))" "" ""

# Usages of 30 days with their rollups, as the writer would have left them: 60 series, and 20 usages of a rare alias within one hour.
fill() { # KEY ROWS
    sql "insert into llmring.usage_logs (id, api_key_id, provider, model, alias, profile, origin, input_tokens, output_tokens, cost, cost_source, latency_ms, metadata, created_at)
         select gen_random_uuid(), '$1', 'openai', 'model-' || n % 60, case when n between $2 / 2 and $2 / 2 + 19 then 'rare' else 'fast' end, 'default', 'bench', 1200, 350, 0.0052, 'client', 100 + n % 900, '{}',
             now() - interval '29 days 23 hours' * (n::float8 / $2) from generate_series(1, $2) as n"
    sql "insert into llmring.usage_rollups (scope, granularity, bucket_start, dimension_key, provider, model, alias, origin, profile, cost_source, service_tier, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
         select 'key:$1', granularity, date_trunc(granularity, created_at, 'UTC'), md5(model || alias)::uuid, provider, model, alias, origin, profile, 'client', '', count(*), sum(input_tokens), sum(output_tokens), 0, sum(cost),
             array_fill(1, array[72]) from llmring.usage_logs cross join (values ('hour'), ('day')) as granularities (granularity) where api_key_id = '$1' group by 2, 3, 4, 5, 6, 7, 8, 9 order by 3"
}
fill few 10000
fill many "$STATS_ROWS"
sql "vacuum analyze llmring.usage_logs" && sql "vacuum analyze llmring.usage_rollups" && sql checkpoint
# The end differs from call to call, so no answer comes from the cache.
START=$(date -u -d '-30 days' +%FT%H:00:00Z)
KEY=few PATH_FORMAT="/api/v1/stats?start_date=$START&end_date=2099-01-01T00:00:00.%d" SECONDS_EACH=5 load "warm-up" 1 1 get / >/dev/null
KEY=few PATH_FORMAT="/api/v1/stats?start_date=$START&end_date=2100-01-01T00:00:00.%d" load "GET /stats, 10,000 rows of 30 days, cache off, 1 connection" 1 1 get /
KEY=many PATH_FORMAT="/api/v1/stats?start_date=$START&end_date=2100-01-01T00:00:00.%d" load "GET /stats, $STATS_ROWS rows of 30 days, cache off, 1 connection" 1 1 get /
for zone in UTC Europe/Berlin; do
    KEY=many PATH_FORMAT="/api/v1/stats?timezone=$zone&start_date=$START&end_date=2100-01-01T00:00:00.%d" load "GET /stats, days of $zone, cache off, 1 connection" 1 1 get /
    KEY=many PATH_FORMAT="/api/v1/stats/series?timezone=$zone&split_by=model&start_date=$START&end_date=$(date -u +%F)T00:00:00.%dZ" load "GET /stats/series by model and day of $zone, cache off" 1 1 get /
done
KEY=many PATH_FORMAT="/api/v1/logs?alias=rare&end_date=2100-01-01T00:00:00.%d&start_date=$START" load "GET /logs with a rare filter, $STATS_ROWS rows, 1 connection" 1 1 get /
KEY=many PATH_FORMAT="/api/v1/stats" load "GET /stats, $STATS_ROWS rows, cached, 32 connections" 32 1 get /
KEY=many PATH_FORMAT="/api/v1/logs?limit=100" load "GET /logs?limit=100, 32 connections" 32 1 get /

PATH_FORMAT=/ load "for comparison: GET /, HTTP and nothing else, 32 connections" 32 1 get /
PATH_FORMAT=/registry SECONDS_EACH=5 load "warm-up" 32 1 get / >/dev/null
PATH_FORMAT=/registry load "GET /registry in full, 32 connections" 32 1 get /
ETAG=$(curl -sI -X GET "http://127.0.0.1:$PORT/registry" | awk 'tolower($1) == "etag:" { print $2 }' | tr -d '\r') PATH_FORMAT=/registry load "GET /registry with If-None-Match, 32 connections" 32 1 get /
BODY="$WORK/registry/conversation.json" SECONDS_EACH=20 load "warm-up" 32 1 post /api/v1/conversations/log >/dev/null
BODY="$WORK/registry/conversation.json" load "POST /conversations/log of 5 messages, 32 connections" 32 1 post /api/v1/conversations/log
