#!/bin/sh
# Measures logging, deep pages and search of a running server. Needs wrk, psql and curl; fills the database with rows of
# keys that begin with "bench-". Usage: conversations.sh http://127.0.0.1:9101 postgresql://user:password@host/database
set -eu
url=$1 database=$2
api=$url/api/v1/conversations
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/log.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "bench-log"
local words = {"train", "station", "bern", "ticket", "morning", "cheap", "window", "seat", "lake", "mountain"}
local function text()
  local t = {}
  for i = 1, 20 do t[i] = words[math.random(#words)] .. math.random(2000) end
  return '"' .. table.concat(t, " ") .. '"'
end
request = function()
  local messages = {}
  for i = 1, 4 do messages[i] = '{"role":"' .. (i % 2 == 1 and "user" or "assistant") .. '","content":' .. text() .. '}' end
  return wrk.format(nil, "/api/v1/conversations/log", nil, '{"messages":[' .. table.concat(messages, ",") .. '],"response":{"content":' .. text()
    .. ',"model":"m","finish_reason":"stop"},"metadata":{"provider":"p","model":"m","input_tokens":7,"output_tokens":3,"cost":0.0002}}')
end
LUA

echo "== POST /log, 5 messages each, 32 connections"
wrk -t1 -c32 -d10 -s "$work/log.lua" "$url" | grep -E 'Latency|Requests/sec|Non-2xx'

echo "== Seeding 100,000 conversations and 100,000 messages"
psql -q -v ON_ERROR_STOP=1 "$database" <<'SQL'
set search_path = llmring;
delete from conversations where api_key_id in ('bench-pages', 'bench-words');
insert into conversations (id, api_key_id, title, updated_at)
select gen_random_uuid(), 'bench-pages', 'talk ' || n, now() - n * interval '1 second' from generate_series(1, 100000) n;
with c as (
    insert into conversations (id, api_key_id, title, message_count, last_position)
    select gen_random_uuid(), 'bench-words', 'talk ' || n, 100, 100 from generate_series(1, 1000) n
    returning id),
m as (
    insert into messages (conversation_id, position, role, content)
    select id, p, 'user', 'common rare' || (random() * 2000)::int || ' ' || (select string_agg('w' || (random() * 5000)::int, ' ') from generate_series(1, 20) where p > 0)
    from c, generate_series(1, 100) p)
insert into search_backlog (conversation_id, first_position, last_position, title) select id, 1, 100, true from c;
analyze conversations;
SQL
while [ "$(psql -At "$database" -c 'select count(*) from llmring.search_backlog')" -gt 0 ]; do sleep 1; done

cursor=$(curl -s -D- -o /dev/null -H 'X-API-Key: bench-pages' "$api?limit=100&offset=99700" | tr -d '\r' | awk 'tolower($1) == "x-next-cursor:" { print $2 }')
for page in "page 1|limit=100" "page 999 by cursor|limit=100&cursor=$cursor" "page 999 by offset|limit=100&offset=99800"; do
    echo "== ${page%%|*} of 100,000 conversations, 1 connection"
    wrk -t1 -c1 -d5 -H 'X-API-Key: bench-pages' "$api?${page#*|}" | grep -E 'Latency|Requests/sec|Non-2xx'
done
for word in rare42 common; do
    echo "== search for '$word' in 100,000 messages, 1 connection"
    wrk -t1 -c1 -d5 -H 'X-API-Key: bench-words' "$api/search?q=$word" | grep -E 'Latency|Requests/sec|Non-2xx'
done
