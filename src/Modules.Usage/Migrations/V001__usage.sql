-- replaces: V001__usage_logs.sql, V002__upkeep_and_totals_by_day.sql
-- Usage by month, with rollups by hour and by day beside it, so that statistics cost the same however many rows there are.
-- A table that the reference server wrote becomes the oldest partition: its rows are not copied, and their rollups are
-- made later, while the server runs (usage_backfill_step). The functions are in R__usage_functions.sql.

do $$
begin
    if exists (select from pg_class where oid = to_regclass('${schema}.usage_logs') and relkind = 'r') then
        alter table ${schema}.usage_logs rename to usage_logs_adopted;
        alter table ${schema}.usage_logs_adopted
            alter column cost type numeric,
            add column if not exists project_id uuid,
            add column if not exists profile varchar(64) default 'default',
            add column if not exists cached_input_tokens integer default 0,
            -- Marks the existing rows, which the rollups lack. New rows get the default of usage_logs, which is null.
            add column if not exists cost_source varchar(16) default 'adopted',
            add column if not exists cache_write_5m_tokens integer not null default 0,
            add column if not exists cache_write_1h_tokens integer not null default 0,
            add column if not exists reasoning_tokens integer not null default 0,
            -- An id is unique within its scope only, and no statement looks a row up by it.
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

-- Every query names a scope and sorts by time. A row is in one of the first two indexes, seldom also in the third.
create index if not exists usage_logs_by_api_key on ${schema}.usage_logs (api_key_id, created_at desc, id desc) where api_key_id is not null;
create index if not exists usage_logs_by_project on ${schema}.usage_logs (project_id, created_at desc, id desc) where project_id is not null;
create index if not exists usage_logs_unpriced on ${schema}.usage_logs (provider, model, id) where cost_source = 'unpriced';

-- Takes the rows of any month that has no partition, so that no insert fails for lack of one.
create table if not exists ${schema}.usage_logs_default partition of ${schema}.usage_logs default;

-- One row per scope, hour or day, and combination of dimensions. The key holds a hash of the dimensions, because the texts
-- themselves can be longer than an index entry may be. Rows are updated all the time: the free space of each page keeps
-- these updates off the index (HOT), and an early vacuum reclaims the old versions.
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
    is_day boolean not null,
    primary key (scope, is_day, hour, series)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02);
comment on column ${schema}.usage_rollups.hour is 'the hour, or the first one of the day';

-- The results of requests with an Idempotency-Key or an id of their own.
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
-- Keys that a proxy makes (deploy/nginx.conf) are for a replay within seconds, and are deleted soon.
create index usage_idempotency_of_proxies on ${schema}.usage_idempotency (created_at) where key like 'key:llmring-proxy-%';

-- Scopes of adopted rows. The rollups lack the adopted rows before pending_until.
create table if not exists ${schema}.usage_backfill (
    scope text primary key,
    rows bigint not null,
    counted bigint not null default 0,
    pending_until timestamptz not null,
    -- The backfill skips the scope until then, because a step of it failed.
    resting_until timestamptz not null default '-infinity',
    -- Whether its rows belong to the project of the key already.
    is_filled boolean not null default false
);

-- A trigger needs its function: R__usage_functions.sql replaces both, under their names of V002. Until then a row of the
-- reference server, which may run beside this one, fails instead of staying out of the rollups for ever.
create function ${schema}.usage_count_row() returns trigger language plpgsql as $$
begin
    raise exception 'the migration of usage_logs is not complete';
end
$$;

create function ${schema}.usage_fill_project() returns trigger language plpgsql as $$
begin
    raise exception 'the migration of usage_logs is not complete';
end
$$;

do $$
declare
    -- A single row with a time of the far future must not make the adopted table the partition of all the years until then.
    latest timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '2 months') at time zone 'UTC';
    boundary timestamptz;
begin
    if to_regclass('${schema}.usage_logs_adopted') is null then
        return;
    end if;

    select least((date_trunc('month', greatest(max(created_at), now()) at time zone 'UTC') + interval '1 month') at time zone 'UTC', latest)
    into boundary from ${schema}.usage_logs_adopted;
    -- Later rows go to the default partition.
    with later as (delete from ${schema}.usage_logs_adopted where created_at >= boundary returning *)
    insert into ${schema}.usage_logs (
        id, api_key_id, project_id, model, provider, alias, profile, input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, cost, cost_source, latency_ms, origin, id_at_origin, conversation_id, metadata, created_at)
    select id, api_key_id, project_id, model, provider, alias, profile, input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, cost, cost_source, latency_ms, origin, id_at_origin, conversation_id, metadata, created_at
    from later;
    execute format('alter table ${schema}.usage_logs attach partition ${schema}.usage_logs_adopted for values from (minvalue) to (%L)', boundary);

    -- This server always sets cost_source. The reference server, which may run beside it, never does.
    create trigger usage_count_row after insert on ${schema}.usage_logs
        for each row when (new.cost_source is null) execute function ${schema}.usage_count_row();
    create trigger usage_fill_project before insert on ${schema}.usage_logs
        for each row when (new.cost_source is null and new.project_id is null) execute function ${schema}.usage_fill_project();

    -- A row with both a key and a project is seen in both scopes.
    insert into ${schema}.usage_backfill (scope, rows, pending_until)
    select 'key:' || api_key_id, count(*), timestamptz 'infinity' from ${schema}.usage_logs where api_key_id is not null group by api_key_id
    union all
    select 'project:' || project_id, count(*), timestamptz 'infinity' from ${schema}.usage_logs where project_id is not null group by project_id;
end
$$;
