-- replaces: V001__mcp_client.sql
-- MCP servers, their features and the executions of their tools. Existing tables of the reference server are adopted.
create table if not exists ${schema}.servers (
    id uuid primary key default gen_random_uuid(),
    name varchar(255) not null,
    url varchar(1000) not null,
    transport_type varchar(50) not null,
    auth_config jsonb,
    capabilities jsonb,
    is_active boolean default true,
    api_key_id varchar(255),
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    project_id uuid
);

create table if not exists ${schema}.tools (
    id uuid primary key default gen_random_uuid(),
    server_id uuid references ${schema}.servers (id) on delete cascade,
    name varchar(255) not null,
    description text,
    input_schema jsonb not null,
    is_active boolean default true,
    api_key_id varchar(255),
    created_at timestamptz default now(),
    project_id uuid,
    unique (server_id, name)
);

create table if not exists ${schema}.resources (
    id uuid primary key default gen_random_uuid(),
    server_id uuid references ${schema}.servers (id) on delete cascade,
    uri varchar(1000) not null,
    name varchar(255),
    description text,
    mime_type varchar(255),
    is_active boolean default true,
    api_key_id varchar(255),
    created_at timestamptz default now(),
    project_id uuid,
    unique (server_id, uri)
);

create table if not exists ${schema}.prompts (
    id uuid primary key default gen_random_uuid(),
    server_id uuid references ${schema}.servers (id) on delete cascade,
    name varchar(255) not null,
    description text,
    arguments jsonb,
    is_active boolean default true,
    api_key_id varchar(255),
    created_at timestamptz default now(),
    project_id uuid,
    unique (server_id, name)
);

create table if not exists ${schema}.tool_executions (
    id uuid primary key default gen_random_uuid(),
    tool_id uuid references ${schema}.tools (id) on delete cascade,
    conversation_id uuid,
    input jsonb,
    output jsonb,
    error text,
    duration_ms integer,
    executed_at timestamptz default now()
);

-- The keys that encrypt auth_config. All hosts share them, so that each can decrypt what another one encrypted.
create table if not exists ${schema}.data_protection_keys (
    id bigint generated always as identity primary key,
    friendly_name text not null,
    xml text not null,
    created_at timestamptz not null default now()
);

-- The constraint of the reference server does not allow sse.
alter table ${schema}.servers drop constraint if exists servers_transport_type_check;
alter table ${schema}.servers add constraint servers_transport_type_check check (transport_type in ('http', 'sse', 'websocket', 'stdio'));
-- The trigger of the reference server would set updated_at each time the health of a server is recorded.
drop trigger if exists tr_mcp_servers_updated_at on ${schema}.servers;
-- Conversations belong to another module, which may be disabled, so an execution outlives its conversation.
alter table ${schema}.tool_executions drop constraint if exists tool_executions_conversation_id_fkey;

-- AuthConfigAdoption encrypts plain text of auth_config into this column when a host starts.
alter table ${schema}.servers add column if not exists auth_config_protected text;
-- Increases with every change of a server, so that each host notices that its connection is outdated.
alter table ${schema}.servers add column if not exists connection_version integer not null default 1;
alter table ${schema}.servers add column if not exists last_seen_at timestamptz;
alter table ${schema}.servers add column if not exists last_error text;
alter table ${schema}.servers add column if not exists last_error_at timestamptz;
alter table ${schema}.servers add column if not exists protocol_version text;

-- Adopted rows may lack values that are required here.
update ${schema}.servers set is_active = coalesce(is_active, true), created_at = coalesce(created_at, now()),
    updated_at = coalesce(updated_at, created_at, now())
where is_active is null or created_at is null or updated_at is null;
update ${schema}.tools set is_active = coalesce(is_active, true), created_at = coalesce(created_at, now())
where is_active is null or created_at is null;
update ${schema}.resources set is_active = coalesce(is_active, true), created_at = coalesce(created_at, now())
where is_active is null or created_at is null;
update ${schema}.prompts set is_active = coalesce(is_active, true), created_at = coalesce(created_at, now())
where is_active is null or created_at is null;
update ${schema}.tool_executions set executed_at = now() where executed_at is null;
alter table ${schema}.servers
    alter column is_active set not null, alter column created_at set not null, alter column updated_at set not null;
alter table ${schema}.tools alter column is_active set not null, alter column created_at set not null;
alter table ${schema}.resources alter column is_active set not null, alter column created_at set not null;
alter table ${schema}.prompts alter column is_active set not null, alter column created_at set not null;
alter table ${schema}.tool_executions alter column executed_at set not null;

-- The refresh of the reference server stored features without an owner: they get the owner of their server.
update ${schema}.tools c set api_key_id = s.api_key_id, project_id = s.project_id from ${schema}.servers s
where s.id = c.server_id and c.api_key_id is null and c.project_id is null;
update ${schema}.resources c set api_key_id = s.api_key_id, project_id = s.project_id from ${schema}.servers s
where s.id = c.server_id and c.api_key_id is null and c.project_id is null;
update ${schema}.prompts c set api_key_id = s.api_key_id, project_id = s.project_id from ${schema}.servers s
where s.id = c.server_id and c.api_key_id is null and c.project_id is null;

-- The reference server let a key add a tool to another key's server. Such a tool keeps its owner and history, but loses that server.
update ${schema}.tools c set server_id = null from ${schema}.servers s
where s.id = c.server_id and coalesce(s.api_key_id, s.project_id::text) is not null
    and not coalesce(c.api_key_id = s.api_key_id, false) and not coalesce(c.project_id = s.project_id, false);

-- The reference server stored some JSON as a JSON text that contains the JSON: the inner JSON replaces such a text.
create function ${schema}.inner_json(value jsonb) returns jsonb language plpgsql immutable as $$
begin
    return (value #>> '{}')::jsonb;
exception when others then
    return value;
end $$;
update ${schema}.servers set auth_config = ${schema}.inner_json(auth_config) where jsonb_typeof(auth_config) = 'string';
update ${schema}.servers set capabilities = ${schema}.inner_json(capabilities) where jsonb_typeof(capabilities) = 'string';
update ${schema}.tools set input_schema = ${schema}.inner_json(input_schema) where jsonb_typeof(input_schema) = 'string';
update ${schema}.prompts set arguments = ${schema}.inner_json(arguments) where jsonb_typeof(arguments) = 'string';
update ${schema}.tool_executions set input = ${schema}.inner_json(input) where jsonb_typeof(input) = 'string';
update ${schema}.tool_executions set output = ${schema}.inner_json(output) where jsonb_typeof(output) = 'string';
drop function ${schema}.inner_json(jsonb);

create index if not exists servers_api_key_newest on ${schema}.servers (api_key_id, created_at desc, id desc);
create index if not exists servers_project_newest on ${schema}.servers (project_id, created_at desc, id desc);
create index if not exists tools_api_key_name on ${schema}.tools (api_key_id, name, id);
create index if not exists tools_project_name on ${schema}.tools (project_id, name, id);
create index if not exists resources_api_key_name on ${schema}.resources (api_key_id, name, id);
create index if not exists resources_project_name on ${schema}.resources (project_id, name, id);
create index if not exists prompts_api_key_name on ${schema}.prompts (api_key_id, name, id);
create index if not exists prompts_project_name on ${schema}.prompts (project_id, name, id);
create index if not exists tool_executions_newest on ${schema}.tool_executions (tool_id, executed_at desc, id desc);
create index if not exists tool_executions_conversation_newest
    on ${schema}.tool_executions (conversation_id, tool_id, executed_at desc, id desc);
