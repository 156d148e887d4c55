-- What a cost was computed from: how the counts were read, the service tier, and the price.

alter table ${schema}.usage_logs
    add column token_counts varchar(16),
    add column service_tier varchar(32),
    add column price_id integer;
-- Null marks the rows of before. The default marks those that the reference server writes beside this one.
alter table ${schema}.usage_logs alter column token_counts set default 'as_sent';
comment on column ${schema}.usage_logs.token_counts is
    'as_sent, or parts_added: cache or reasoning tokens were added to counts without them; null: written before this column existed';
comment on column ${schema}.usage_logs.service_tier is 'batch, flex or priority; null: standard';

-- A usage is read by its id alone, and ids of clients and of the reference server tell nothing of the partition.
create index usage_logs_by_id on ${schema}.usage_logs (id);

-- Each price once, as the JSON of ModelPrice; usages refer to it by number, without a foreign key, because each insert would check it.
create table ${schema}.usage_prices (
    id integer generated always as identity primary key,
    price jsonb not null unique,
    priced_as text not null generated always as (price ->> 'priced_as') stored,
    created_at timestamptz not null default now()
);

-- What a replay answers besides. created_at is when the key was claimed, and its age; logged_at is the time of the usage, which the
-- client may have chosen, and null in the rows of before, where both are the same.
alter table ${schema}.usage_idempotency
    add column priced_as text,
    add column logged_at timestamptz;

-- Who priced usages anew, when, which ones, and what that changed. Costs in USD.
create table ${schema}.usage_repricings (
    id uuid primary key,
    api_key_id varchar(255),
    project_id uuid,
    -- The user, where a project was named instead of a key.
    user_id varchar(36),
    request jsonb not null,
    rows bigint not null,
    changed bigint not null,
    cost_before numeric not null,
    cost_after numeric not null,
    started_at timestamptz not null,
    -- Null while it runs, and after it was interrupted: the steps until then are committed, and the sums count them.
    finished_at timestamptz
);
create index usage_repricings_by_api_key on ${schema}.usage_repricings (api_key_id, started_at desc, id desc) where api_key_id is not null;
create index usage_repricings_by_project on ${schema}.usage_repricings (project_id, started_at desc, id desc) where project_id is not null;
