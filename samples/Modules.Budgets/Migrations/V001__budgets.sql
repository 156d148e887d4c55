-- Budgets, and the alerts that are at once the note that a threshold was crossed and the outbox of its webhook.

create table ${schema}.budgets (
    id uuid primary key,
    api_key_id varchar(255),
    project_id uuid,
    alias varchar(128) not null,
    limit_usd numeric not null,
    warning_at numeric not null,
    webhook_url varchar(1000),
    webhook_secret varchar(255)
);

create unique index budgets_by_api_key on ${schema}.budgets (api_key_id, alias) where api_key_id is not null;
create unique index budgets_by_project on ${schema}.budgets (project_id, alias) where project_id is not null;

create table ${schema}.alerts (
    id uuid primary key,
    budget_id uuid not null references ${schema}.budgets on delete cascade,
    month date not null,
    status varchar(16) not null,
    amount numeric not null,
    spent numeric not null,
    crossed_at timestamptz not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    delivered_at timestamptz,
    last_error varchar(500),
    -- A threshold is an amount: one that was raised can be crossed anew.
    unique (budget_id, month, status, amount)
);

create index alerts_due on ${schema}.alerts (next_attempt_at) where delivered_at is null;
