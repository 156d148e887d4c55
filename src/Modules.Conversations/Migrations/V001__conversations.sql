-- Conversations and their messages: made here, or taken over with all rows from a database of the reference server.
create table if not exists ${schema}.conversations (
    id uuid primary key default gen_random_uuid(),
    api_key_id varchar(255),
    project_id uuid,
    title varchar(500),
    system_prompt text,
    model_alias varchar(255),
    temperature double precision,
    max_tokens integer,
    message_count integer,
    total_input_tokens bigint,
    total_output_tokens bigint,
    total_cost numeric,
    created_at timestamptz,
    updated_at timestamptz,
    last_message_at timestamptz,
    constraint conversations_temperature_check check (temperature between 0 and 2),
    constraint conversations_max_tokens_check check (max_tokens > 0)
);

create table if not exists ${schema}.messages (
    id uuid primary key default gen_random_uuid(),
    conversation_id uuid not null references ${schema}.conversations (id) on delete cascade,
    role varchar(50) not null,
    content text,
    content_hash varchar(64),
    input_tokens integer,
    output_tokens integer,
    tool_calls jsonb,
    tool_results jsonb,
    metadata jsonb,
    "timestamp" timestamptz,
    constraint messages_role_check check (role in ('system', 'user', 'assistant', 'tool'))
);

-- Counts a message of the reference server, which may run beside this one: gives it a position, and its conversation the
-- totals. This server's own statements do both themselves.
create or replace function ${schema}.count_message() returns trigger language plpgsql as $$
begin
    update ${schema}.conversations
    set message_count = message_count + 1,
        total_input_tokens = total_input_tokens + coalesce(new.input_tokens, 0),
        total_output_tokens = total_output_tokens + coalesce(new.output_tokens, 0),
        total_cost = total_cost + case when jsonb_typeof(new.metadata -> 'cost') = 'number' then (new.metadata ->> 'cost')::numeric else 0 end,
        last_position = last_position + 1,
        last_message_at = greatest(last_message_at, new."timestamp", now()),
        updated_at = greatest(updated_at, now())
    where id = new.conversation_id
    returning last_position into new.position;
    insert into ${schema}.search_backlog (conversation_id, first_position, last_position, title)
    select new.conversation_id, new.position, new.position, new.position = 1 where new.position is not null;
    new.metadata := coalesce(new.metadata, '{}');
    new."timestamp" := coalesce(new."timestamp", now());
    return new;
end
$$;

-- The trigger that counts every message would count ours a second time.
drop trigger if exists update_conversation_on_message on ${schema}.messages;
drop function if exists ${schema}.update_conversation_stats();

-- 2^31 tokens and 100 USD are reachable sums. last_position numbers the messages of a conversation: it only ever grows,
-- while message_count may be adopted wrong.
alter table ${schema}.conversations
    add column if not exists project_id uuid,
    add column if not exists last_position bigint not null default 0,
    alter column total_input_tokens type bigint,
    alter column total_output_tokens type bigint,
    alter column total_cost type numeric;

update ${schema}.conversations
set model_alias = coalesce(model_alias, 'default'),
    temperature = coalesce(temperature, 0.7),
    message_count = coalesce(message_count, 0),
    total_input_tokens = coalesce(total_input_tokens, 0),
    total_output_tokens = coalesce(total_output_tokens, 0),
    total_cost = coalesce(total_cost, 0),
    created_at = coalesce(created_at, updated_at, last_message_at, now()),
    updated_at = coalesce(updated_at, last_message_at, created_at, now())
where model_alias is null or temperature is null or message_count is null or total_input_tokens is null
    or total_output_tokens is null or total_cost is null or created_at is null or updated_at is null;

alter table ${schema}.conversations
    alter column model_alias set default 'default', alter column model_alias set not null,
    alter column temperature set default 0.7, alter column temperature set not null,
    alter column message_count set default 0, alter column message_count set not null,
    alter column total_input_tokens set default 0, alter column total_input_tokens set not null,
    alter column total_output_tokens set default 0, alter column total_output_tokens set not null,
    alter column total_cost set default 0, alter column total_cost set not null,
    alter column created_at set default now(), alter column created_at set not null,
    alter column updated_at set default now(), alter column updated_at set not null;

-- Timestamps of one batch are equal: the position keeps its order. Where rows lie (ctid) is the order in which they came.
alter table ${schema}.messages add column if not exists position bigint;
create or replace trigger count_message before insert on ${schema}.messages
    for each row when (new.position is null) execute function ${schema}.count_message();

update ${schema}.messages m
set position = numbered.position,
    metadata = coalesce(m.metadata, '{}'),
    "timestamp" = coalesce(m."timestamp", numbered.created_at)
from (
    select o.id, c.created_at, row_number() over (partition by o.conversation_id order by o."timestamp" nulls first, o.ctid) as position
    from ${schema}.messages o
    join ${schema}.conversations c on c.id = o.conversation_id) numbered
where numbered.id = m.id;

update ${schema}.conversations c
set last_position = last.position
from (select conversation_id, max(position) as position from ${schema}.messages group by conversation_id) last
where last.conversation_id = c.id;

alter table ${schema}.messages
    alter column position set not null,
    alter column metadata set default '{}', alter column metadata set not null,
    alter column "timestamp" set default now(), alter column "timestamp" set not null;

-- Each index costs every write: only those that a query uses.
drop index if exists ${schema}.idx_conversations_api_key;
drop index if exists ${schema}.idx_conversations_project_id;
drop index if exists ${schema}.idx_conversations_updated;
drop index if exists ${schema}.idx_messages_conversation;
drop index if exists ${schema}.idx_messages_content_hash;
create index conversations_of_key on ${schema}.conversations (api_key_id, updated_at desc, id desc) where api_key_id is not null;
create index conversations_of_project on ${schema}.conversations (project_id, updated_at desc, id desc) where project_id is not null;
create unique index messages_of_conversation on ${schema}.messages (conversation_id, position);
