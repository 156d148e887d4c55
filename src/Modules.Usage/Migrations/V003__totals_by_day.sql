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

-- As in V002, by day as well.
create or replace function ${schema}.usage_count_adopted(
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
