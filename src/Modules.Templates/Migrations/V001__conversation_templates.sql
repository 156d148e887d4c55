-- Reusable starts of conversations: made here, or taken over with all rows from a database of the reference server.
create table if not exists ${schema}.conversation_templates (
    id            uuid primary key default gen_random_uuid(),
    api_key_id    varchar(255),
    project_id    uuid,
    name          varchar(255) not null,
    description   text,
    system_prompt text,
    model         varchar(255) not null default 'claude-3-sonnet-20240229',
    temperature   numeric      not null default 0.7,
    max_tokens    integer,
    tool_config   jsonb        not null default '{}',
    created_by    varchar(255) not null,
    is_active     boolean      not null default true,
    usage_count   bigint       not null default 0,
    created_at    timestamptz  not null default now(),
    updated_at    timestamptz  not null default now(),
    last_used_at  timestamptz,
    constraint conversation_templates_temperature_check check (temperature between 0 and 2),
    constraint conversation_templates_max_tokens_check check (max_tokens > 0)
);

-- Here a use of a template is no change of it: updated_at is set where something changes.
drop trigger if exists update_conversation_templates_updated_at on ${schema}.conversation_templates;
drop function if exists ${schema}.update_conversation_templates_updated_at();

-- numeric(3,2) rounds temperatures.
alter table ${schema}.conversation_templates
    add column if not exists project_id uuid,
    add column if not exists initial_messages jsonb not null default '[]',
    alter column temperature type numeric,
    alter column usage_count type bigint;

create index if not exists idx_conversation_templates_newest_of_key
    on ${schema}.conversation_templates (api_key_id, created_at desc, id desc) where is_active;
create index if not exists idx_conversation_templates_newest_of_project
    on ${schema}.conversation_templates (project_id, created_at desc, id desc) where is_active;
create index if not exists idx_conversation_templates_global
    on ${schema}.conversation_templates (created_at desc, id desc) where is_active and api_key_id is null and project_id is null;
