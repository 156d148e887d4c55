-- Upkeep beside readers and writers: months are attached, not made in place; a scope whose totals fail does not hold up the
-- others; rows that were written under a key of a project are the project's. And totals by day.

-- CREATE TABLE … PARTITION OF locks the whole table against everybody; ATTACH does so with the default partition alone.
-- Nobody waits for an insert then, and the caller bounds by lock_timeout how long a read may.
create or replace function ${schema}.usage_create_partitions(months_ahead integer) returns void language plpgsql as $$
declare
    month timestamp;
    first timestamptz;
    next timestamptz;
    name text;
begin
    for ahead in 0..months_ahead loop
        month := date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead);
        first := month at time zone 'UTC';
        next := (month + interval '1 month') at time zone 'UTC';
        name := 'usage_logs_' || to_char(month, 'YYYY_MM');

        -- The adopted table may cover the month, and the default partition may have rows of it: they stay where they are.
        continue when exists (
            select from pg_inherits
            join pg_class partition on partition.oid = inhrelid
            cross join lateral (select pg_get_expr(partition.relpartbound, partition.oid) as expression) bound
            where inhparent = '${schema}.usage_logs'::regclass
                and substring(expression from 'TO \(''([^'']+)''\)')::timestamptz > first
                and coalesce(substring(expression from 'FROM \(''([^'']+)''\)')::timestamptz, '-infinity') < next);
        continue when exists (select from ${schema}.usage_logs_default where created_at >= first and created_at < next);
        begin
            execute format('create table ${schema}.%I (like ${schema}.usage_logs including all)', name);
            execute format('alter table ${schema}.usage_logs attach partition ${schema}.%I for values from (%L) to (%L)', name, first, next);
        exception
            -- Another host was faster.
            when invalid_object_definition or check_violation or duplicate_table or unique_violation then null;
        end;
    end loop;
end
$$;

-- Keys that a proxy makes (deploy/nginx.conf) are for a repeat within seconds: they are forgotten soon.
create index usage_idempotency_of_proxies on ${schema}.usage_idempotency (created_at) where key like 'key:llmring-proxy-%';

alter table ${schema}.usage_backfill
    -- Until then its totals are left alone, since making them has failed.
    add column resting_until timestamptz not null default '-infinity',
    -- Whether its rows have been given to the project of the key (usage_fill_projects).
    add column is_filled boolean not null default false;

-- Totals by day beside those by hour: statistics of a month read 30 totals of a series, not 720.
alter table ${schema}.usage_rollups add column is_day boolean not null default false;
alter table ${schema}.usage_rollups drop constraint usage_rollups_pkey;
alter table ${schema}.usage_rollups add primary key (scope, is_day, hour, series);
alter table ${schema}.usage_rollups alter column is_day drop default;
comment on column ${schema}.usage_rollups.hour is 'the hour, or the first one of the day';

with buckets as (
    select scope, date_trunc('day', hour, 'UTC') as day, series, bucket, sum(count) as count
    from ${schema}.usage_rollups cross join unnest(latencies) with ordinality as histogram (count, bucket)
    group by 1, 2, 3, 4
), histograms as (
    select scope, day, series, array_agg(count::integer order by bucket) as latencies from buckets group by scope, day, series
), days as (
    select scope, date_trunc('day', hour, 'UTC') as day, series, min(provider) as provider, min(model) as model, min(alias) as alias,
        min(origin) as origin, min(profile) as profile, sum(requests) as requests, sum(input_tokens) as input_tokens,
        sum(output_tokens) as output_tokens, sum(cached_input_tokens) as cached_input_tokens, sum(cost) as cost
    from ${schema}.usage_rollups group by 1, 2, 3
)
insert into ${schema}.usage_rollups (
    scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
select scope, true, day, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies
from days left join histograms using (scope, day, series);

-- Adds adopted rows to the totals of a scope: those of a key or of a project, of certain hours.
create function ${schema}.usage_count_adopted(
    to_scope text, owner_key text, owner_project uuid, without_project boolean, since timestamptz, until timestamptz) returns bigint
    language plpgsql set plan_cache_mode to force_custom_plan as $$
declare
    counted bigint;
begin
    -- The buckets of latencies are those of LatencyHistogram.
    with keyed as (
        select *,
            date_trunc(case when is_day then 'day' else 'hour' end, created_at, 'UTC') as hour,
            md5(jsonb_build_array(provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'))::text)::uuid as series,
            case when latency_ms > 1 then ceil(ln(latency_ms) / ln(1.1))::integer when latency_ms >= 0 then 0 end as bucket
        from ${schema}.usage_logs cross join (values (false), (true)) as spans (is_day)
        where (api_key_id = owner_key or project_id = owner_project) and created_at >= since and created_at < until
            and cost_source = 'adopted' and (project_id is null or not without_project)
    ), buckets as (
        select is_day, hour, series, bucket, min(provider) as provider, min(model) as model, coalesce(min(alias), '') as alias,
            coalesce(min(origin), '') as origin, coalesce(min(profile), 'default') as profile, count(*) as requests,
            sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(coalesce(cached_input_tokens, 0)) as cached_input_tokens,
            sum(cost) as cost, bucket - 1 - coalesce(lag(bucket) over (partition by is_day, hour, series order by bucket), -1) as empty_before
        from keyed group by is_day, hour, series, bucket
    ), totals as (
        select is_day, hour, series, min(provider) as provider, min(model) as model, min(alias) as alias, min(origin) as origin,
            min(profile) as profile, sum(requests) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
            sum(cached_input_tokens) as cached_input_tokens, sum(cost) as cost,
            ('{' || string_agg(repeat('0,', empty_before) || requests, ',' order by bucket) filter (where bucket is not null) || '}')::integer[] as latencies
        from buckets group by is_day, hour, series
    ), added as (
        insert into ${schema}.usage_rollups as total (
            scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
        select to_scope, totals.* from totals
        on conflict (scope, is_day, hour, series) do update set
            requests = total.requests + excluded.requests,
            input_tokens = total.input_tokens + excluded.input_tokens,
            output_tokens = total.output_tokens + excluded.output_tokens,
            cached_input_tokens = total.cached_input_tokens + excluded.cached_input_tokens,
            cost = total.cost + excluded.cost,
            latencies = (
                select array_agg(coalesce(before, 0) + coalesce(added, 0) order by place)
                from unnest(total.latencies, excluded.latencies) with ordinality as bucket(before, added, place))
    )
    select coalesce(sum(requests), 0) into counted from totals where is_day;
    return counted;
end
$$;

-- As in V001, by day as well.
create or replace function ${schema}.usage_count_row() returns trigger language plpgsql as $$
begin
    insert into ${schema}.usage_rollups as total (
        scope, is_day, hour, series, provider, model, alias, origin, profile, requests, input_tokens, output_tokens, cached_input_tokens, cost, latencies)
    select owner, is_day, date_trunc(case when is_day then 'day' else 'hour' end, new.created_at, 'UTC'),
        md5(jsonb_build_array(new.provider, new.model, coalesce(new.alias, ''), coalesce(new.origin, ''), coalesce(new.profile, 'default'))::text)::uuid,
        new.provider, new.model, coalesce(new.alias, ''), coalesce(new.origin, ''), coalesce(new.profile, 'default'),
        1, new.input_tokens, new.output_tokens, coalesce(new.cached_input_tokens, 0), new.cost,
        case when new.latency_ms >= 0 then array_fill(0, array[ceil(ln(greatest(new.latency_ms, 1)) / ln(1.1))::integer]) || 1 end
    from (values ('key:' || new.api_key_id), ('project:' || new.project_id)) as owners (owner)
    cross join (values (false), (true)) as spans (is_day)
    where owner is not null
    on conflict (scope, is_day, hour, series) do update set
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

-- As in V001, but where the totals of a scope cannot be made it rests for a while and the others go on.
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
    where pending_until > '-infinity' and resting_until <= now() order by pending_until desc, scope limit 1 for update skip locked;
    if not found then
        return false;
    end if;

    begin
        if starts_with(step.scope, 'key:') then
            owner_key := substr(step.scope, 5);
        else
            owner_project := substr(step.scope, 9)::uuid;
        end if;

        select date_trunc('hour', created_at, 'UTC') into pending_from from ${schema}.usage_logs
        where (api_key_id = owner_key or project_id = owner_project) and created_at < step.pending_until and cost_source = 'adopted'
        order by created_at desc offset max_rows limit 1;
        pending_from := coalesce(pending_from, '-infinity');
        taken := ${schema}.usage_count_adopted(step.scope, owner_key, owner_project, false, pending_from, step.pending_until);
        update ${schema}.usage_backfill set pending_until = pending_from, counted = counted + taken where scope = step.scope;
    exception when others then
        update ${schema}.usage_backfill set resting_until = clock_timestamp() + interval '5 minutes' where scope = step.scope;
        -- Without its name: that may be an API key.
        raise warning 'the totals of a key or project could not be made, and are tried again in 5 minutes: %', sqlerrm;
    end;
    return true;
end
$$;

-- In strict mode the scope is the project of a key, and the reference wrote rows with the id of the key alone. They become
-- the project's, too: those that its totals have passed by are added to them, the others will be when it is their turn.
create function ${schema}.usage_fill_projects() returns void language plpgsql as $$
declare
    owner record;
    passed timestamptz;
    filled bigint;
begin
    for owner in
        select adopted.scope, k.id::text as key, k.project_id as project
        from ${schema}.usage_backfill adopted
        join llmring_api.api_keys k on adopted.scope = 'key:' || k.id
        where not adopted.is_filled and k.project_id is not null
    loop
        -- Nobody makes totals of the project meanwhile.
        select pending_until into passed from ${schema}.usage_backfill where scope = 'project:' || owner.project for update;
        passed := coalesce(passed, '-infinity');
        perform ${schema}.usage_count_adopted('project:' || owner.project, owner.key, null, true, passed, 'infinity');
        update ${schema}.usage_logs set project_id = owner.project
        where api_key_id = owner.key and project_id is null and cost_source = 'adopted';
        get diagnostics filled = row_count;
        update ${schema}.usage_backfill set rows = rows + filled where scope = 'project:' || owner.project and pending_until > '-infinity';
        update ${schema}.usage_backfill set is_filled = true where scope = owner.scope;
    end loop;
end
$$;

-- What the reference writes beside this server is the project's at once.
create function ${schema}.usage_fill_project() returns trigger language plpgsql as $$
begin
    if to_regclass('llmring_api.api_keys') is not null and new.api_key_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        execute 'select project_id from llmring_api.api_keys where id = $1' into new.project_id using new.api_key_id::uuid;
    end if;
    return new;
exception
    -- Tables that others made are taken as they are.
    when insufficient_privilege or undefined_column or undefined_function then
        return new;
end
$$;

do $$
declare
    latest timestamptz := (date_trunc('month', now() at time zone 'UTC') + interval '2 months') at time zone 'UTC';
begin
    if to_regclass('${schema}.usage_logs_adopted') is null then
        return;
    end if;

    create trigger usage_fill_project before insert on ${schema}.usage_logs
        for each row when (new.cost_source is null and new.project_id is null) execute function ${schema}.usage_fill_project();

    -- A single row with a time of the far future must not make the adopted table the partition of all the years until then.
    if (select substring(pg_get_expr(relpartbound, oid) from 'TO \(''([^'']+)''\)')::timestamptz > latest
        from pg_class where oid = '${schema}.usage_logs_adopted'::regclass) then
        alter table ${schema}.usage_logs detach partition ${schema}.usage_logs_adopted;
        -- To the default partition.
        with moved as (delete from ${schema}.usage_logs_adopted where created_at >= latest returning *)
        insert into ${schema}.usage_logs (
            id, api_key_id, project_id, model, provider, alias, profile, input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens, reasoning_tokens, cost, cost_source, latency_ms, origin, id_at_origin, conversation_id, metadata, created_at)
        select id, api_key_id, project_id, model, provider, alias, profile, input_tokens, output_tokens, cached_input_tokens, cache_write_5m_tokens,
            cache_write_1h_tokens, reasoning_tokens, cost, cost_source, latency_ms, origin, id_at_origin, conversation_id, metadata, created_at
        from moved;
        execute format('alter table ${schema}.usage_logs attach partition ${schema}.usage_logs_adopted for values from (minvalue) to (%L)', latest);
    end if;
end
$$;
