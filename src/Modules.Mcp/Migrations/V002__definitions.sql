-- The whole definitions that MCP servers list, of which the older columns hold some members only, and templates of resources.
-- Null: the feature was stored before, or without a definition; the next refresh stores one.
alter table ${schema}.tools add column if not exists definition jsonb;
alter table ${schema}.resources add column if not exists definition jsonb;
alter table ${schema}.prompts add column if not exists definition jsonb;

create table ${schema}.resource_templates (
    id uuid primary key,
    server_id uuid not null references ${schema}.servers (id) on delete cascade,
    uri_template varchar(1000) not null,
    name varchar(255),
    description text,
    mime_type varchar(255),
    definition jsonb,
    is_active boolean not null default true,
    api_key_id varchar(255),
    project_id uuid,
    created_at timestamptz not null default now(),
    unique (server_id, uri_template)
);
create index resource_templates_api_key_name on ${schema}.resource_templates (api_key_id, name, id);
create index resource_templates_project_name on ${schema}.resource_templates (project_id, name, id);
