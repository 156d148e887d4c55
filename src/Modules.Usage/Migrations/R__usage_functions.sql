-- The functions of the usage module in their current form: applied after the versioned scripts, and again when this text changes.

-- Adds to rollups, in the order of the arrays: one element per row, latencies as the text of an integer array. The one place
-- that knows how rollups are added up; UsageInsertCommand, the backfills and the trigger call it.
create or replace function ${schema}.usage_add_to_rollups(
    scopes text[], granularities text[], bucket_starts timestamptz[], dimension_keys uuid[], providers text[], models text[], aliases text[],
    origins text[], profiles text[], cost_sources text[], service_tiers text[], request_counts bigint[], input_token_counts bigint[],
    output_token_counts bigint[], cached_input_token_counts bigint[], costs numeric[], histograms text[]) returns void
    language plpgsql as $$
begin
    insert into ${schema}.usage_rollups as total (
        scope, granularity, bucket_start, dimension_key, provider, model, alias, origin, profile, cost_source, service_tier, requests,
        input_tokens, output_tokens, cached_input_tokens, cost, latencies)
    select scope, granularity, bucket_start, dimension_key, provider, model, alias, origin, profile, cost_source, service_tier, requests,
        input_tokens, output_tokens, cached_input_tokens, cost, latencies::integer[]
    from unnest(
        scopes, granularities, bucket_starts, dimension_keys, providers, models, aliases, origins, profiles, cost_sources, service_tiers,
        request_counts, input_token_counts, output_token_counts, cached_input_token_counts, costs, histograms)
        as added (
            scope, granularity, bucket_start, dimension_key, provider, model, alias, origin, profile, cost_source, service_tier, requests,
            input_tokens, output_tokens, cached_input_tokens, cost, latencies)
    on conflict (scope, granularity, bucket_start, dimension_key) do update set
        requests = total.requests + excluded.requests,
        input_tokens = total.input_tokens + excluded.input_tokens,
        output_tokens = total.output_tokens + excluded.output_tokens,
        cached_input_tokens = total.cached_input_tokens + excluded.cached_input_tokens,
        cost = total.cost + excluded.cost,
        latencies = (
            select array_agg(coalesce(before, 0) + coalesce(added, 0) order by place)
            from unnest(total.latencies, excluded.latencies) with ordinality as bucket (before, added, place));
end
$$;

-- For hosts of the version before, which run beside this one during an update: their rollups are not split, and the split begins again.
create or replace function ${schema}.usage_add_to_rollups(
    scopes text[], granularities text[], bucket_starts timestamptz[], dimension_keys uuid[], providers text[], models text[], aliases text[],
    origins text[], profiles text[], request_counts bigint[], input_token_counts bigint[], output_token_counts bigint[],
    cached_input_token_counts bigint[], costs numeric[], histograms text[]) returns void
    language plpgsql as $$
begin
    -- The condition comes before the conflict, so that transactions wait for each other the first time only.
    insert into ${schema}.usage_rollup_splits (scope, pending_until)
    select distinct added.scope, timestamptz 'infinity' from unnest(scopes) as added (scope)
    where not exists (select from ${schema}.usage_rollup_splits split where split.scope = added.scope and split.pending_until = 'infinity')
    on conflict (scope) do update set pending_until = 'infinity';
    perform ${schema}.usage_add_to_rollups(
        scopes, granularities, bucket_starts, dimension_keys, providers, models, aliases, origins, profiles,
        array_fill(null::text, array[cardinality(scopes)]), array_fill(null::text, array[cardinality(scopes)]),
        request_counts, input_token_counts, output_token_counts, cached_input_token_counts, costs, histograms);
end
$$;

-- The bucket of LatencyHistogram, from 0 on; null for a latency that is none.
create or replace function ${schema}.usage_latency_bucket(latency_ms integer) returns integer language sql immutable as $$
    select case when latency_ms > 1 then ceil(ln(latency_ms) / ln(1.1))::integer when latency_ms >= 0 then 0 end
$$;

-- Another hash than that of UsageRollup, where the writer is part of the key. That is right: one combination may have several
-- rows, which every reader adds up, and rows that this script makes never wait for the server's.
create or replace function ${schema}.usage_dimension_key(
    provider text, model text, alias text, origin text, profile text, cost_source text, service_tier text) returns uuid
    language sql immutable as $$
    select md5(jsonb_build_array(
        provider, model, coalesce(alias, ''), coalesce(origin, ''), coalesce(profile, 'default'), cost_source, coalesce(service_tier, ''))::text)::uuid
$$;

-- The cost source of a row of usage_logs as clients see it: rows of the reference server have none, or the mark of the backfill.
create or replace function ${schema}.usage_cost_source(cost_source text) returns text language sql immutable as $$
    select case when cost_source is null or cost_source = 'adopted' then 'client' else cost_source end
$$;

-- The begin of a local day. A day without midnight begins when the clocks jump over it; of two midnights the first one is it.
create or replace function ${schema}.usage_local_start(local timestamp, zone text) returns timestamptz language sql stable as $$
    select case when earlier at time zone zone = local then least(earlier, later) else later end
    from (select local at time zone zone as later) as a
    cross join lateral (
        select (local - ((later - interval '24 hours') at time zone zone - (later - interval '24 hours') at time zone 'UTC')) at time zone 'UTC' as earlier) as b
$$;

-- Sums rows of usage_logs by hour and by day: the rows of a key or of a project, in a range of whole hours. Ranges differ from an
-- hour to all of time, so each call gets a plan of its own.
create or replace function ${schema}.usage_rollups_of_rows(
    owner_key text, owner_project uuid, since timestamptz, until timestamptz, only_adopted boolean, without_project boolean)
    returns table (
        granularity text, bucket_start timestamptz, dimension_key uuid, provider text, model text, alias text, origin text, profile text,
        cost_source text, service_tier text, requests bigint, input_tokens bigint, output_tokens bigint, cached_input_tokens bigint,
        cost numeric, latencies text)
    language plpgsql set plan_cache_mode to force_custom_plan as $$
#variable_conflict use_column
begin
    return query
    with keyed as (
        select log.*, level.granularity, ${schema}.usage_cost_source(log.cost_source) as source,
            date_trunc(level.granularity, log.created_at, 'UTC') as bucket_start,
            ${schema}.usage_dimension_key(
                log.provider, log.model, log.alias, log.origin, log.profile, ${schema}.usage_cost_source(log.cost_source), log.service_tier)
                as dimension_key,
            ${schema}.usage_latency_bucket(log.latency_ms) as latency_bucket
        from ${schema}.usage_logs log cross join (values ('hour'), ('day')) as level (granularity)
        where (log.api_key_id = owner_key or log.project_id = owner_project) and log.created_at >= since and log.created_at < until
            and (log.cost_source = 'adopted' or not only_adopted) and (log.project_id is null or not without_project)
    ), by_latency as (
        select granularity, bucket_start, dimension_key, latency_bucket, min(provider) as provider, min(model) as model,
            coalesce(min(alias), '') as alias, coalesce(min(origin), '') as origin, coalesce(min(profile), 'default') as profile,
            min(source) as source, coalesce(min(service_tier), '') as service_tier,
            count(*) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
            sum(coalesce(cached_input_tokens, 0)) as cached_input_tokens, sum(cost) as cost,
            latency_bucket - 1 - coalesce(
                lag(latency_bucket) over (partition by granularity, bucket_start, dimension_key order by latency_bucket), -1) as empty_before
        from keyed group by granularity, bucket_start, dimension_key, latency_bucket
    )
    select granularity, bucket_start, dimension_key, min(provider)::text, min(model)::text, min(alias)::text, min(origin)::text,
        min(profile)::text, min(source), min(service_tier)::text, sum(requests)::bigint, sum(input_tokens)::bigint,
        sum(output_tokens)::bigint, sum(cached_input_tokens)::bigint, sum(cost),
        '{' || string_agg(repeat('0,', empty_before) || requests, ',' order by latency_bucket) filter (where latency_bucket is not null) || '}'
    from by_latency group by granularity, bucket_start, dimension_key;
end
$$;

-- Adds adopted rows to the rollups of a scope: the rows of a key or of a project, in a range of whole hours.
create or replace function ${schema}.usage_rollup_adopted_rows(
    to_scope text, owner_key text, owner_project uuid, without_project boolean, since timestamptz, until timestamptz) returns bigint
    language plpgsql as $$
declare
    bucket record;
    counted bigint := 0;
begin
    for bucket in
        -- Bucket by bucket, so that no array grows with the range.
        select array_agg(to_scope) as scopes, array_agg(granularity) as granularities, array_agg(bucket_start) as bucket_starts,
            array_agg(dimension_key) as dimension_keys, array_agg(provider) as providers, array_agg(model) as models,
            array_agg(alias) as aliases, array_agg(origin) as origins, array_agg(profile) as profiles,
            array_agg(cost_source) as cost_sources, array_agg(service_tier) as service_tiers,
            array_agg(requests) as requests, array_agg(input_tokens) as input_tokens, array_agg(output_tokens) as output_tokens,
            array_agg(cached_input_tokens) as cached_input_tokens, array_agg(cost) as costs, array_agg(latencies) as latencies,
            coalesce(sum(requests) filter (where granularity = 'day'), 0) as counted
        from ${schema}.usage_rollups_of_rows(owner_key, owner_project, since, until, true, without_project)
        group by granularity, bucket_start order by granularity desc, bucket_start
    loop
        perform ${schema}.usage_add_to_rollups(
            bucket.scopes, bucket.granularities, bucket.bucket_starts, bucket.dimension_keys, bucket.providers, bucket.models, bucket.aliases,
            bucket.origins, bucket.profiles, bucket.cost_sources, bucket.service_tiers, bucket.requests, bucket.input_tokens,
            bucket.output_tokens, bucket.cached_input_tokens, bucket.costs, bucket.latencies);
        counted := counted + bucket.counted;
    end loop;
    return counted;
end
$$;

-- Splits the rollups of one scope and day by cost source and service tier, the newest day first: those that are not split make way
-- for what the rows say beyond those that are. Returns whether there was such a scope. The transaction is of the level REPEATABLE
-- READ: rows and rollups that are logged meanwhile are either both seen or neither, and no rollup of a writer is touched.
create or replace function ${schema}.usage_rollup_split_step() returns boolean
    language plpgsql set plan_cache_mode to force_custom_plan as $$
declare
    step record;
    owner_key text;
    owner_project uuid;
    first timestamptz;
    next timestamptz;
    are_rows_complete boolean;
begin
    if current_setting('transaction_isolation') not in ('repeatable read', 'serializable') then
        raise exception 'rollups are split in transactions of the level REPEATABLE READ';
    end if;
    -- Adopted rows that the rollups lack would be taken for missing ones.
    select scope, pending_until into step from ${schema}.usage_rollup_splits split
    where pending_until > '-infinity' and retry_at <= now() and not exists (
        select from ${schema}.usage_backfill backfill where backfill.scope = split.scope and backfill.pending_until > '-infinity')
    order by pending_until desc, scope limit 1 for update skip locked;
    if not found then
        return false;
    end if;

    begin
        select max(bucket_start), max(bucket_start) + interval '1 day' into first, next from ${schema}.usage_rollups
        where scope = step.scope and granularity = 'day' and bucket_start < step.pending_until and cost_source is null;
        update ${schema}.usage_rollup_splits set pending_until = coalesce(first, '-infinity') where scope = step.scope;
        if first is null then
            return true;
        end if;

        if starts_with(step.scope, 'key:') then
            owner_key := substr(step.scope, 5);
        else
            owner_project := substr(step.scope, 9)::uuid;
        end if;

        -- Where retention has deleted rows the rollups stay as they are.
        select (stored.requests, stored.input_tokens, stored.output_tokens, stored.cached_input_tokens, stored.cost)
            is not distinct from (counted.requests, counted.input_tokens, counted.output_tokens, counted.cached_input_tokens, counted.cost)
        into are_rows_complete
        from (
            select sum(requests)::bigint as requests, sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
                sum(cached_input_tokens)::bigint as cached_input_tokens, sum(cost) as cost
            from ${schema}.usage_rollups where scope = step.scope and granularity = 'day' and bucket_start = first) as stored
        cross join (
            select count(*) as requests, sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
                sum(coalesce(cached_input_tokens, 0))::bigint as cached_input_tokens, sum(cost) as cost
            from ${schema}.usage_logs
            where (api_key_id = owner_key or project_id = owner_project) and created_at >= first and created_at < next) as counted;
        if not are_rows_complete then
            return true;
        end if;

        -- Keys of their own, because the writers hold the other ones. What is split already is subtracted, then all rows are added.
        perform ${schema}.usage_add_to_rollups(
            array_agg(scope), array_agg(granularity::text), array_agg(bucket_start), array_agg(key), array_agg(provider::text),
            array_agg(model::text), array_agg(alias::text), array_agg(origin::text), array_agg(profile::text), array_agg(cost_source::text),
            array_agg(service_tier::text), array_agg(-requests), array_agg(-input_tokens), array_agg(-output_tokens),
            array_agg(-cached_input_tokens), array_agg(-cost),
            array_agg((select array_agg(-n order by place) from unnest(latencies) with ordinality as bucket (n, place))::text))
        from (
            select *, md5('split ' || dimension_key)::uuid as key from ${schema}.usage_rollups
            where scope = step.scope and granularity in ('hour', 'day') and bucket_start >= first and bucket_start < next
                and cost_source is not null) as split
        having count(*) > 0;
        perform ${schema}.usage_add_to_rollups(
            array_agg(step.scope), array_agg(granularity), array_agg(bucket_start), array_agg(md5('split ' || dimension_key)::uuid),
            array_agg(provider), array_agg(model), array_agg(alias), array_agg(origin), array_agg(profile), array_agg(cost_source),
            array_agg(service_tier), array_agg(requests), array_agg(input_tokens), array_agg(output_tokens), array_agg(cached_input_tokens),
            array_agg(cost), array_agg(latencies))
        from ${schema}.usage_rollups_of_rows(owner_key, owner_project, first, next, false, false)
        having count(*) > 0;
        delete from ${schema}.usage_rollups
        where scope = step.scope and granularity in ('hour', 'day') and bucket_start >= first and bucket_start < next and cost_source is null;
    exception
        when serialization_failure then
            raise;
        when others then
            -- The scope is skipped for a while, and the others go on.
            update ${schema}.usage_rollup_splits set retry_at = clock_timestamp() + interval '5 minutes' where scope = step.scope;
            -- Without the scope: its name may contain an API key.
            raise warning 'the rollups of a key or project could not be split, and are tried again in 5 minutes: %', sqlerrm;
    end;
    return true;
end
$$;

-- Adds some whole hours of one scope's adopted rows to the rollups, newest first: about max_rows rows. Returns whether there
-- were any. Rollups and pending_until change in one transaction, so a statement that reads both is never wrong.
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
    where pending_until > '-infinity' and retry_at <= now() order by pending_until desc, scope limit 1 for update skip locked;
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
        taken := ${schema}.usage_rollup_adopted_rows(step.scope, owner_key, owner_project, false, pending_from, step.pending_until);
        update ${schema}.usage_backfill set pending_until = pending_from, counted = counted + taken where scope = step.scope;
    exception when others then
        -- The scope is skipped for a while, and the others go on.
        update ${schema}.usage_backfill set retry_at = clock_timestamp() + interval '5 minutes' where scope = step.scope;
        -- Without the scope: its name may contain an API key.
        raise warning 'the rollups of a key or project could not be made, and are tried again in 5 minutes: %', sqlerrm;
    end;
    return true;
end
$$;

-- In strict mode the scope is the project of a key, and the reference wrote rows with the id of the key alone. These rows become
-- the project's: the hours that its backfill has passed are added to its rollups here, the others in their turn.
create or replace function ${schema}.usage_backfill_projects() returns void language plpgsql as $$
declare
    owner record;
    passed timestamptz;
    changed bigint;
begin
    for owner in
        select adopted.scope, k.id::text as key, k.project_id as project
        from ${schema}.usage_backfill adopted
        join llmring_api.api_keys k on adopted.scope = 'key:' || k.id
        where not adopted.is_project_backfilled and k.project_id is not null
    loop
        -- The row lock keeps other hosts' steps off the project meanwhile.
        select pending_until into passed from ${schema}.usage_backfill where scope = 'project:' || owner.project for update;
        passed := coalesce(passed, '-infinity');
        perform ${schema}.usage_rollup_adopted_rows('project:' || owner.project, owner.key, null, true, passed, 'infinity');
        update ${schema}.usage_logs set project_id = owner.project
        where api_key_id = owner.key and project_id is null and cost_source = 'adopted';
        get diagnostics changed = row_count;
        update ${schema}.usage_backfill set rows = rows + changed where scope = 'project:' || owner.project and pending_until > '-infinity';
        update ${schema}.usage_backfill set is_project_backfilled = true where scope = owner.scope;
    end loop;
end
$$;

-- Gives a row that the reference server writes beside this server to the project of its key.
create or replace function ${schema}.usage_backfill_project() returns trigger language plpgsql as $$
begin
    if to_regclass('llmring_api.api_keys') is not null and new.api_key_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        execute 'select project_id from llmring_api.api_keys where id = $1' into new.project_id using new.api_key_id::uuid;
    end if;
    return new;
exception
    -- Tables of another program may have other columns or grants.
    when insufficient_privilege or undefined_column or undefined_function then
        return new;
end
$$;

-- Adds a row that the reference server writes beside this server to the rollups, because that server does not know them.
create or replace function ${schema}.usage_rollup_reference_row() returns trigger language plpgsql as $$
begin
    perform ${schema}.usage_add_to_rollups(
        array_agg(scope), array_agg(granularity), array_agg(date_trunc(granularity, new.created_at, 'UTC')),
        array_agg(${schema}.usage_dimension_key(new.provider, new.model, new.alias, new.origin, new.profile, 'client', null)),
        array_agg(new.provider::text), array_agg(new.model::text), array_agg(coalesce(new.alias, '')::text), array_agg(coalesce(new.origin, '')::text),
        array_agg(coalesce(new.profile, 'default')::text), array_agg('client'::text), array_agg(''::text), array_agg(1::bigint),
        array_agg(new.input_tokens::bigint), array_agg(new.output_tokens::bigint), array_agg(coalesce(new.cached_input_tokens, 0)::bigint),
        array_agg(new.cost), array_agg('{' || repeat('0,', ${schema}.usage_latency_bucket(new.latency_ms)) || '1}'))
    from (values ('key:' || new.api_key_id), ('project:' || new.project_id)) as scopes (scope)
    cross join (values ('hour'), ('day')) as granularities (granularity)
    where scope is not null;
    return null;
end
$$;

-- Creates the partition of a month (UTC). CREATE TABLE ... PARTITION OF locks the whole table against everybody; ATTACH does so
-- with the default partition alone, so inserts do not wait, and the caller's lock_timeout bounds the wait of reads.
create or replace function ${schema}.usage_create_partition(at timestamptz) returns void language plpgsql as $$
declare
    month timestamp := date_trunc('month', at at time zone 'UTC');
    first timestamptz := month at time zone 'UTC';
    next timestamptz := (month + interval '1 month') at time zone 'UTC';
    name text := 'usage_logs_' || to_char(month, 'YYYY_MM');
begin
    -- The adopted table may cover the month, and the default partition may have rows of it: these stay where they are.
    if exists (
            select from pg_inherits
            join pg_class partition on partition.oid = inhrelid
            cross join lateral (select pg_get_expr(partition.relpartbound, partition.oid) as expression) bound
            where inhparent = '${schema}.usage_logs'::regclass
                and substring(expression from 'TO \(''([^'']+)''\)')::timestamptz > first
                and coalesce(substring(expression from 'FROM \(''([^'']+)''\)')::timestamptz, '-infinity') < next)
        or exists (select from ${schema}.usage_logs_default where created_at >= first and created_at < next) then
        return;
    end if;

    begin
        execute format('create table ${schema}.%I (like ${schema}.usage_logs including all)', name);
        execute format('alter table ${schema}.usage_logs attach partition ${schema}.%I for values from (%L) to (%L)', name, first, next);
    exception
        -- Another host was faster.
        when invalid_object_definition or check_violation or duplicate_table or unique_violation then null;
    end;
end
$$;

-- Creates the partitions of this month and the coming ones.
create or replace function ${schema}.usage_create_partitions(months_ahead integer) returns void language sql as $$
    select ${schema}.usage_create_partition(
        (date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead)) at time zone 'UTC')
    from generate_series(0, months_ahead) as ahead
$$;
