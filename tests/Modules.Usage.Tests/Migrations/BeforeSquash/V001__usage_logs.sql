-- Usage by month, with hourly totals beside it, so that statistics cost the same however many rows there are.
-- A table that the reference server wrote becomes the oldest partition: its rows are not copied, and their totals are
-- made later, while the server runs (usage_backfill_step).

do $$
begin
    if exists (select from pg_class where oid = to_regclass('${schema}.usage_logs') and relkind = 'r') then
        alter table ${schema}.usage_logs rename to usage_logs_adopted;
        alter table ${schema}.usage_logs_adopted
            alter column cost type numeric,
            add column if not exists project_id uuid,
            add column if not exists profile varchar(64) default 'default',
            add column if not exists cached_input_tokens integer default 0,
            -- What the rows that are there have, and no other ever will: they are not in the totals yet.
            add column if not exists cost_source varchar(16) default 'adopted',
            add column if not exists cache_write_5m_tokens integer not null default 0,
            add column if not exists cache_write_1h_tokens integer not null default 0,
            add column if not exists reasoning_tokens integer not null default 0,
            -- An id counts within its scope only, and no statement looks a row up by it.
            drop constraint if exists usage_logs_pkey;
        update ${schema}.usage_logs_adopted set created_at = now() where created_at is null;
        alter table ${schema}.usage_logs_adopted alter column created_at set not null;
        drop index if exists
            ${schema}.idx_usage_logs_alias, ${schema}.idx_usage_logs_api_key_profile, ${schema}.idx_usage_logs_api_key_timestamp,
            ${schema}.idx_usage_logs_conversation, ${schema}.idx_usage_logs_model, ${schema}.idx_usage_logs_origin,
            ${schema}.idx_usage_logs_project_id;
    end if;
end
$$;

create table if not exists ${schema}.usage_logs (
    id uuid not null default gen_random_uuid(),
    api_key_id varchar(255),
    project_id uuid,
    model varchar(255) not null,
    provider varchar(50) not null,
    alias varchar(128),
    profile varchar(64) default 'default',
    input_tokens integer not null,
    output_tokens integer not null,
    cached_input_tokens integer default 0,
    cache_write_5m_tokens integer not null default 0,
    cache_write_1h_tokens integer not null default 0,
    reasoning_tokens integer not null default 0,
    cost numeric not null,
    cost_source varchar(16),
    latency_ms integer,
    origin varchar(255),
    id_at_origin varchar(255),
    conversation_id uuid,
    metadata jsonb default '{}',
    created_at timestamptz not null default now()
) partition by range (created_at);

-- Every query names a scope and goes by time. A row is in one of the first two, seldom also in the third.
create index if not exists usage_logs_by_api_key on ${schema}.usage_logs (api_key_id, created_at desc, id desc) where api_key_id is not null;
create index if not exists usage_logs_by_project on ${schema}.usage_logs (project_id, created_at desc, id desc) where project_id is not null;
create index if not exists usage_logs_unpriced on ${schema}.usage_logs (provider, model, id) where cost_source = 'unpriced';

-- Where rows of any other time go, so that no insert ever fails for want of a partition.
create table if not exists ${schema}.usage_logs_default partition of ${schema}.usage_logs default;

create or replace function ${schema}.usage_create_partitions(months_ahead integer) returns void language plpgsql as $$
declare
    first timestamp;
begin
    for ahead in 0..months_ahead loop
        first := date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead);
        continue when to_regclass('${schema}.usage_logs_' || to_char(first, 'YYYY_MM')) is not null;
        begin
            execute format(
                'create table ${schema}.usage_logs_%s partition of ${schema}.usage_logs for values from (%L) to (%L)',
                to_char(first, 'YYYY_MM'), first at time zone 'UTC', (first + interval '1 month') at time zone 'UTC');
        exception
            -- The adopted table covers the month, or the default partition has rows of it, or another host was faster.
            when invalid_object_definition or check_violation or duplicate_table or unique_violation then null;
        end;
    end loop;
end
$$;

-- One row per scope, hour and combination of what statistics are asked by. The combination is in the key as a hash: the
-- texts themselves can be longer than an index entry may be.
create table if not exists ${schema}.usage_rollups (
    scope text not null,
    hour timestamptz not null,
    series uuid not null,
    provider varchar(50) not null,
    model varchar(255) not null,
    alias varchar(128) not null,
    origin varchar(255) not null,
    profile varchar(64) not null,
    requests bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cached_input_tokens bigint not null,
    cost numeric not null,
    latencies integer[],
    primary key (scope, hour, series)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);

-- What a request with an Idempotency-Key or an id of its own was answered.
create table if not exists ${schema}.usage_idempotency (
    scope text not null,
    key text not null,
    log_id uuid not null,
    cost numeric not null,
    cost_source varchar(16) not null,
    created_at timestamptz not null,
    primary key (scope, key)
);
create index if not exists usage_idempotency_by_age on ${schema}.usage_idempotency (created_at);

-- Whose rows were taken over, and up to which hour they are not in the totals yet: everything before pending_until.
create table if not exists ${schema}.usage_backfill (
    scope text primary key,
    rows bigint not null,
    counted bigint not null default 0,
    pending_until timestamptz not null
);

-- Takes some whole hours of one scope into the totals, newest first: those of about max_rows rows. Answers whether there
-- were any. Totals and pending_until change in one transaction, so whoever adds up both is never wrong.
create or replace function ${schema}.usage_backfill_step(max_rows integer) returns boolean
    language plpgsql set plan_cache_mode to force_custom_plan as $$
declare
    step record;
    owner_key text;
    owner_project uuid;
    pending_from timestamptz;
    taken bigint;
begin
    select scope, pending_until into step from ${schema}.usage_backfill
    where pending_until > '-infinity' order by pending_until desc, scope limit 1 for update skip locked;
    if not found then
        return false;
    end if;

    if starts_with(step.scope, 'key:') then
        owner_key := substr(step.scope, 5);
    else
        owner_project := substr(step.scope, 9)::uuid;
    end if;

    select date_trunc('hour', created_at, 'UTC') into pending_from from ${schema}.usage_logs_adopted
    where (api_key_id = owner_key or project_id = owner_project) and created_at < step.pending_until and cost_source = 'adopted'
    order by created_at desc offset max_rows limit 1;
    pending_from := coalesce(pending_from, '-infinity');

    -- The buckets of latencies are those of LatencyHistogram.
    with keyed as (
        select *,
            date_trunc('hour', created_at, 'UTC') as hour,
            md5(jsonb_build_array(provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'))::text)::uuid as series,
            case when latency_ms > 1 then ceil(ln(latency_ms) / ln(1.1))::integer when latency_ms >= 0 then 0 end as bucket
        from ${schema}.usage_logs_adopted
        where (api_key_id = owner_key or project_id = owner_project) and created_at >= pending_from and created_at < step.pending_until
            and cost_source = 'adopted'
    ), buckets as (
        select hour, series, bucket, min(provider) as provider, min(model) as model, coalesce(min(alias), '') as alias, coalesce(min(origin), '') as origin,
            coalesce(min(profile), 'default') as profile, count(*) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
            sum(coalesce(cached_input_tokens, 0)) as cached_input_tokens, sum(cost) as cost,
            bucket - 1 - coalesce(lag(bucket) over (partition by hour, series order by bucket), -1) as empty_before
        from keyed group by hour, series, bucket
    ), totals as (
        select hour, series, min(provider) as provider, min(model) as model, min(alias) as alias, min(origin) as origin, min(profile) as profile,
            sum(requests) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
            sum(cached_input_tokens) as cached_input_tokens, sum(cost) as cost,
            ('{' || string_agg(repeat('0,', empty_before) || requests, ',' order by bucket) filter (where bucket is not null) || '}')::integer[] as latencies
        from buckets group by hour, series
    ), added as (
        insert into ${schema}.usage_rollups as total (
            scope, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
        select step.scope, totals.* from totals
        on conflict (scope, hour, series) do update set
            requests = total.requests + excluded.requests,
            input_tokens = total.input_tokens + excluded.input_tokens,
            output_tokens = total.output_tokens + excluded.output_tokens,
            cached_input_tokens = total.cached_input_tokens + excluded.cached_input_tokens,
            cost = total.cost + excluded.cost,
            latencies = (
                select array_agg(coalesce(before, 0) + coalesce(added, 0) order by place)
                from unnest(total.latencies, excluded.latencies) with ordinality as bucket(before, added, place))
    )
    select coalesce(sum(requests), 0) into taken from totals;

    update ${schema}.usage_backfill set pending_until = pending_from, counted = counted + taken where scope = step.scope;
    return true;
end
$$;

-- Adds a row that the reference server wrote after the take-over to the totals: it does not know of them.
create or replace function ${schema}.usage_count_row() returns trigger language plpgsql as $$
begin
    insert into ${schema}.usage_rollups as total (
        scope, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
    select owner, date_trunc('hour', new.created_at, 'UTC'),
        md5(jsonb_build_array(new.provider, new.model, coalesce(new.alias, ''), coalesce(new.origin, ''), coalesce(new.profile, 'default'))::text)::uuid,
        new.provider, new.model, coalesce(new.alias, ''), coalesce(new.origin, ''), coalesce(new.profile, 'default'),
        1, new.input_tokens, new.output_tokens, coalesce(new.cached_input_tokens, 0), new.cost,
        case when new.latency_ms >= 0 then array_fill(0, array[ceil(ln(greatest(new.latency_ms, 1)) / ln(1.1))::integer]) || 1 end
    from (values ('key:' || new.api_key_id), ('project:' || new.project_id)) as owners (owner)
    where owner is not null
    on conflict (scope, hour, series) do update set
        requests = total.requests + 1,
        input_tokens = total.input_tokens + excluded.input_tokens,
        output_tokens = total.output_tokens + excluded.output_tokens,
        cached_input_tokens = total.cached_input_tokens + excluded.cached_input_tokens,
        cost = total.cost + excluded.cost,
        latencies = (
            select array_agg(coalesce(before, 0) + coalesce(added, 0) order by place)
            from unnest(total.latencies, excluded.latencies) with ordinality as bucket(before, added, place));
    return null;
end
$$;

do $$
declare
    boundary timestamp;
begin
    if to_regclass('${schema}.usage_logs_adopted') is null then
        return;
    end if;

    select date_trunc('month', greatest(max(created_at), now()) at time zone 'UTC') + interval '1 month'
    into boundary from ${schema}.usage_logs_adopted;
    execute format(
        'alter table ${schema}.usage_logs attach partition ${schema}.usage_logs_adopted for values from (minvalue) to (%L)',
        boundary at time zone 'UTC');

    -- This server always says where a cost comes from. Who does not is the reference server, which may run beside it.
    create trigger usage_count_row after insert on ${schema}.usage_logs
        for each row when (new.cost_source is null) execute function ${schema}.usage_count_row();

    -- A row with both a key and a project is seen in both scopes.
    insert into ${schema}.usage_backfill (scope, rows, pending_until)
    select 'key:' || api_key_id, count(*), timestamptz 'infinity' from ${schema}.usage_logs_adopted where api_key_id is not null group by api_key_id
    union all
    select 'project:' || project_id, count(*), timestamptz 'infinity' from ${schema}.usage_logs_adopted where project_id is not null group by project_id;
end
$$;
