-- The last good copy of what the upstream registry serves: a restart without network still has models and prices.
create table if not exists ${schema}.registry_documents (
    path          varchar(255) primary key,
    source        text         not null,
    body          bytea        not null,
    etag          text,
    last_modified text,
    changed_at    timestamptz  not null,
    checked_at    timestamptz  not null
);
