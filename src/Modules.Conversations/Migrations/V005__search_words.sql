-- Lexemes of documents are made by the server (SearchTokenizer) instead of to_tsvector, which splits neither identifiers nor
-- scripts without blanks. Until a row is indexed again, searches find its old words.

-- 1: words of to_tsvector; 2: lexemes of SearchTokenizer.
alter table ${schema}.search_messages add column version smallint not null default 1;
create index search_messages_outdated on ${schema}.search_messages (conversation_id) where version = 1;

-- The title that `document` was made of; null: words of to_tsvector.
alter table ${schema}.search_titles add column title varchar(500);
create index search_titles_outdated on ${schema}.search_titles (conversation_id) where title is null;

-- What is to be indexed again while the backlog is empty, so that new messages do not wait for old ones.
create table ${schema}.search_reindex (
    id bigint generated always as identity primary key,
    conversation_id uuid not null,
    first_position bigint not null,
    last_position bigint not null,
    title boolean not null
);
insert into ${schema}.search_reindex (conversation_id, first_position, last_position, title)
select c.id, 1, c.last_position, true
from ${schema}.conversations c
where not exists (
    select from ${schema}.search_backlog b
    where b.conversation_id = c.id and b.first_position = 1 and b.last_position >= c.last_position and b.title)
order by c.updated_at desc;

create function ${schema}.search_scopes(api_key_id text, project_id uuid) returns tsvector
    language sql immutable parallel safe
    return array_to_tsvector(array_remove(
        array[${schema}.search_scope('key:' || api_key_id), ${schema}.search_scope('project:' || project_id::text)], null));

-- Content that the server reads to make lexemes or a snippet: pictures in base64 are left out of a large one, and a limit holds.
create function ${schema}.search_source(content text) returns text
    language sql immutable parallel safe
    return case
        when octet_length(content) <= 400000 then content
        else left(regexp_replace(content, '[A-Za-z0-9+/]{200,}', '', 'g'), 1000000)
    end;
