-- A key of a project is only a note of who set a budget: the project decides whose it is. An alert keeps the limit that it
-- was about, and has no next attempt once nothing is left to do.

drop index ${schema}.budgets_by_api_key;
create unique index budgets_by_api_key on ${schema}.budgets (api_key_id, alias) where project_id is null;
-- For the rows of a key by the filter of its scope, which says nothing of projects.
create index budgets_of_api_key on ${schema}.budgets (api_key_id) where api_key_id is not null;

alter table ${schema}.alerts add column limit_usd numeric;
update ${schema}.alerts as alert set limit_usd = budget.limit_usd from ${schema}.budgets as budget where budget.id = alert.budget_id;
alter table ${schema}.alerts alter column limit_usd set not null;

alter table ${schema}.alerts alter column next_attempt_at drop not null;
update ${schema}.alerts set next_attempt_at = null where delivered_at is not null or attempts >= 20;
drop index ${schema}.alerts_due;
create index alerts_due on ${schema}.alerts (next_attempt_at) where next_attempt_at is not null;
create index alerts_by_month on ${schema}.alerts (month);
