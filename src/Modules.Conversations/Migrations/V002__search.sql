-- Full-text search over titles and messages, indexed from committed rows so that storing a message does not pay for it.

-- One row for each message that has content. `document` holds the words, and who may see them as one more lexeme that
-- begins with a space (no word does): the index then answers for a scope, however much others have.
create table ${schema}.search_messages (
    id bigint generated always as identity,
    conversation_id uuid not null,
    position bigint not null,
    document tsvector not null,
    primary key (conversation_id, position),
    -- A deleted message leaves no words behind.
    foreign key (conversation_id, position) references ${schema}.messages (conversation_id, position) on delete cascade
);
create index search_messages_words on ${schema}.search_messages using gin (document);

create table ${schema}.search_titles (
    conversation_id uuid primary key references ${schema}.conversations (id) on delete cascade,
    document tsvector not null
);
create index search_titles_words on ${schema}.search_titles using gin (document);

-- What is committed and not yet indexed: one row for each write, made by its own statement.
create table ${schema}.search_backlog (
    id bigint generated always as identity primary key,
    conversation_id uuid not null,
    first_position bigint not null,
    last_position bigint not null,
    title boolean not null
);

-- The rows that are there.
insert into ${schema}.search_backlog (conversation_id, first_position, last_position, title)
select id, 1, last_position, true from ${schema}.conversations order by updated_at;

create function ${schema}.search_scope(scope text) returns text
    language sql immutable parallel safe
    return ' ' || left(encode(sha256(convert_to(scope, 'UTF8')), 'hex'), 16);

-- A tsvector holds less than a megabyte. What stands in angle brackets is text here, never a tag to be passed over.
create function ${schema}.search_words(content text) returns tsvector
    language sql immutable parallel safe
    return to_tsvector('simple', translate(left(content, 200000), '<>', '  '));

create function ${schema}.search_document(content text, api_key_id text, project_id uuid) returns tsvector
    language sql immutable parallel safe
    return ${schema}.search_words(content)
        || array_to_tsvector(array_remove(array[${schema}.search_scope('key:' || api_key_id), ${schema}.search_scope('project:' || project_id::text)], null));
