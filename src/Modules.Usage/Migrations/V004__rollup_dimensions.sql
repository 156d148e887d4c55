-- Rollups by cost source and service tier, so that sums tell what is unpriced and filter by both.

alter table ${schema}.usage_rollups
    add column cost_source varchar(16),
    add column service_tier varchar(32);
comment on column ${schema}.usage_rollups.cost_source is 'null: not split, the row sums all cost sources and service tiers';
comment on column ${schema}.usage_rollups.service_tier is 'empty: standard';

-- Scopes with rollups of before. Those of the days before pending_until are not split yet; usage_rollup_split_step splits them.
create table ${schema}.usage_rollup_splits (
    scope text primary key,
    pending_until timestamptz not null,
    -- The scope is skipped until then, because a step of it failed.
    retry_at timestamptz not null default '-infinity'
);
insert into ${schema}.usage_rollup_splits (scope, pending_until)
select scope, max(bucket_start) + interval '1 day' from ${schema}.usage_rollups where granularity = 'day' group by scope;

-- Only usages that belong to a conversation are in it.
create index usage_logs_by_conversation on ${schema}.usage_logs (conversation_id, created_at) where conversation_id is not null;

-- R__usage_functions.sql creates its successor.
drop function if exists ${schema}.usage_dimension_key(text, text, text, text, text);
