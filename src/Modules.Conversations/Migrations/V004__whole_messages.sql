-- Messages of every provider: further roles, the id of the call that a tool's result answers, and the name of the participant.
alter table ${schema}.messages
    add column tool_call_id text,
    add column name text,
    -- The rows that are there satisfied the narrower constraint, so no scan of the table is needed to check them.
    drop constraint if exists messages_role_check,
    add constraint messages_role_check check (role in ('system', 'user', 'assistant', 'tool', 'developer', 'function')) not valid;
