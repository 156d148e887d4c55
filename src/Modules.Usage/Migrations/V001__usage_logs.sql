-- Usage by month, with hourly totals beside it, so that statistics cost the same however many rows there are.
-- A table that the reference server wrote becomes the oldest partition: its rows are not copied.

do $$
begin
    if exists (select from pg_class where oid = to_regclass('${schema}.usage_logs') and relkind = 'r') then
        alter table ${schema}.usage_logs rename to usage_logs_adopted;
        alter table ${schema}.usage_logs_adopted
            alter column cost type numeric,
            add column if not exists project_id uuid,
            add column if not exists profile varchar(64) default 'default',
            add column if not exists cached_input_tokens integer default 0,
            add column if not exists cost_source varchar(16) not null default 'client',
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
    cost_source varchar(16) not null default 'client',
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

    -- A row with both a key and a project is seen in both scopes. The buckets of latencies are those of LatencyHistogram.
    with scoped as (
        select 'key:' || api_key_id as scope, usage.* from ${schema}.usage_logs_adopted as usage where api_key_id is not null
        union all
        select 'project:' || project_id, usage.* from ${schema}.usage_logs_adopted as usage where project_id is not null
    ), keyed as (
        select *,
            date_trunc('hour', created_at, 'UTC') as hour,
            md5(jsonb_build_array(provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'))::text)::uuid as series,
            case when latency_ms > 1 then ceil(ln(latency_ms) / ln(1.1))::integer when latency_ms >= 0 then 0 end as bucket
        from scoped
    ), buckets as (
        select scope, hour, series, bucket, count(*)::integer as requests from keyed where bucket is not null group by scope, hour, series, bucket
    ), histograms as (
        select longest.scope, longest.hour, longest.series, (
            select array_agg(coalesce(buckets.requests, 0) order by place)
            from generate_series(0, longest.bucket) as place
            left join buckets on (buckets.scope, buckets.hour, buckets.series, buckets.bucket) = (longest.scope, longest.hour, longest.series, place)
        ) as latencies
        from (select scope, hour, series, max(bucket) as bucket from buckets group by scope, hour, series) as longest
    ), totals as (
        select scope, hour, series, min(provider) as provider, min(model) as model, coalesce(min(alias), '') as alias, coalesce(min(origin), '') as origin,
            coalesce(min(profile), 'default') as profile, count(*) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
            sum(coalesce(cached_input_tokens, 0)) as cached_input_tokens, sum(cost) as cost
        from keyed group by scope, hour, series
    )
    insert into ${schema}.usage_rollups (
        scope, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
    select totals.*, histograms.latencies from totals left join histograms using (scope, hour, series);
end
$$;
