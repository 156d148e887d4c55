-- Every content that a template has had, so that a changed prompt can be read, rendered and labelled as it was.
create table ${schema}.template_versions (
    template_id      uuid         not null references ${schema}.conversation_templates (id) on delete cascade,
    version          integer      not null,
    name             varchar(255) not null,
    system_prompt    text,
    model            varchar(255) not null,
    temperature      numeric      not null,
    max_tokens       integer,
    tool_config      jsonb        not null,
    initial_messages jsonb        not null,
    created_by       varchar(255) not null,
    created_at       timestamptz  not null,
    primary key (template_id, version)
);

-- The version of the row itself, which is always the newest.
alter table ${schema}.conversation_templates add column version integer not null default 1;

create table ${schema}.template_labels (
    template_id uuid        not null,
    label       varchar(64) not null,
    version     integer     not null,
    updated_at  timestamptz not null,
    primary key (template_id, label),
    foreign key (template_id, version) references ${schema}.template_versions (template_id, version) on delete cascade
);

-- Triggers, because the reference server may write to the same table. An update holds the lock of its row, so that concurrent
-- changes count one after the other.
create function ${schema}.count_template_version() returns trigger language plpgsql as $$
begin
    new.version := case
        when tg_op = 'INSERT' then 1
        when (new.name, new.system_prompt, new.model, new.temperature, new.max_tokens, new.tool_config, new.initial_messages)
            is distinct from
            (old.name, old.system_prompt, old.model, old.temperature, old.max_tokens, old.tool_config, old.initial_messages)
            then old.version + 1
        else old.version
    end;
    return new;
end $$;

create function ${schema}.store_template_version() returns trigger language plpgsql as $$
begin
    insert into ${schema}.template_versions (
        template_id, version, name, system_prompt, model, temperature, max_tokens, tool_config, initial_messages, created_by, created_at)
    values (
        new.id, new.version, new.name, new.system_prompt, new.model, new.temperature, new.max_tokens, new.tool_config,
        new.initial_messages, new.created_by,
        -- The reference server leaves updated_at as it is.
        case
            when tg_op = 'INSERT' then new.created_at
            when new.updated_at is distinct from old.updated_at then new.updated_at
            else now()
        end);
    return null;
end $$;

create trigger count_template_version before insert or update on ${schema}.conversation_templates
    for each row execute function ${schema}.count_template_version();
create trigger store_first_template_version after insert on ${schema}.conversation_templates
    for each row execute function ${schema}.store_template_version();
create trigger store_template_version after update on ${schema}.conversation_templates
    for each row when (new.version <> old.version) execute function ${schema}.store_template_version();

-- Existing templates become version 1. The triggers hold a lock by now, so no write falls between them and this statement.
insert into ${schema}.template_versions (
    template_id, version, name, system_prompt, model, temperature, max_tokens, tool_config, initial_messages, created_by, created_at)
select id, 1, name, system_prompt, model, temperature, max_tokens, tool_config, initial_messages, created_by, updated_at
from ${schema}.conversation_templates;
