#!/usr/bin/env bash
# Measures the search of a release build over HTTP in 100,000 messages of one key (of 200,000 in all), and the size of its index. Prints
# a table. SECONDS_EACH (5) makes it shorter or longer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need wrk wrk

SECONDS_EACH=${SECONDS_EACH:-5}
. scripts/measured-server.sh
sql() { psql -qtAX -v ON_ERROR_STOP=1 -c "$1"; }
serve LLMRING_RATE_LIMIT_ENABLED=false

# Messages of two keys, about 60 words each: prose, a word in all of them, a Chinese sentence, an identifier, a number.
sql "
set search_path = llmring;
with c as (
    insert into conversations (id, api_key_id, title, message_count, last_position)
    select gen_random_uuid(), case n % 2 when 0 then 'bench-words' else 'bench-others' end, 'talk ' || n, 100, 100 from generate_series(1, 2000) n
    returning id),
stored as (
    insert into messages (conversation_id, position, role, content)
    select id, p, 'user', 'common rare' || (random() * 4000)::int || ' '
        || (select string_agg((array['train', 'station', 'bern', 'ticket', 'window', 'mountain', 'invoice'])[1 + (random() * 6)::int]
            || (array['s', 'ing', 'ed', 'er', 'ly'])[1 + (random() * 4)::int] || chr(97 + (random() * 25)::int), ' ')
            from generate_series(1, 50) where p > 0)
        || ' 我昨天在' || chr(19968 + (random() * 3000)::int) || chr(19968 + (random() * 3000)::int) || '大学图书馆看书。'
        || case when p = 50 then '北京' else '' end
        || ' Acme.Billing.InvoiceService' || (random() * 500)::int || '.SendAsync ORA-' || (random() * 90000)::int
    from c, generate_series(1, 100) p)
insert into search_backlog (conversation_id, first_position, last_position, title) select id, 1, 100, true from c"
start=$(date +%s)
while [ "$(sql 'select count(*) from llmring.search_backlog')" -gt 0 ]; do sleep 1; done
echo "$(nproc) cores, $(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo), $(sql 'show server_version'), $(date -u +%F), load before: $(cut -d' ' -f1 /proc/loadavg)"
echo "200,000 messages were indexed in $(($(date +%s) - start)) s"
sql "vacuum analyze"

printf '| %-44s | %7s | %9s | %9s |\n' "search, 1 connection" "matches" "p50" "p99"
search() { # NAME QUERY MATCHING
    local out matches
    matches=$(sql "select count(*) from llmring.search_messages where document @@ ($3 && quote_literal(llmring.search_scope('key:bench-words'))::tsquery)")
    out=$(wrk -t1 -c1 -d"${SECONDS_EACH}s" --latency -H 'X-API-Key: bench-words' "http://127.0.0.1:$PORT/api/v1/conversations/search?q=$2")
    printf '| %-44s | %7s | %9s | %9s |\n' "$1" "$matches" "$(awk '$1 == "50%" { print $2 }' <<<"$out")" "$(awk '$1 == "99%" { print $2 }' <<<"$out")"
    grep "Non-2xx" <<<"$out" || true
}
search "warm-up" common "'common'::tsquery" >/dev/null
search "rare word" rare42 "'rare42'::tsquery"
search "word in every message" common "'common'::tsquery"
search "rare word inside Chinese text" "%E5%8C%97%E4%BA%AC" "'北京'::tsquery"
search "Chinese word in every message" "%E5%A4%A7%E5%AD%A6" "'大学'::tsquery"
search "phrase of 3 pairs in every message" "%E5%9B%BE%E4%B9%A6%E9%A6%86%E7%9C%8B" "'图书 <-> 书馆 <-> 馆看'::tsquery"
search "qualified name" "Billing.InvoiceService42" "'billing <-> invoiceservice42'::tsquery"
search "prefix" "rare39*" "'rare39:*'::tsquery"

echo "Index: $(sql "select pg_size_pretty(pg_total_relation_size('llmring.search_messages')) || ', ' || pg_total_relation_size('llmring.search_messages') / count(*) || ' bytes a message (rows ' || pg_table_size('llmring.search_messages') / count(*) || ', word index ' || pg_relation_size('llmring.search_messages_words') / count(*) || ')' from llmring.search_messages"), of $(sql "select round(avg(octet_length(content))) from llmring.messages") bytes of content"
