-- At most one row: the host that refreshes registry_documents, so that hosts on one database share one request to the upstream.
create table if not exists ${schema}.registry_lease (
    is_only_row boolean     primary key default true check (is_only_row),
    holder      uuid        not null,
    expires_at  timestamptz not null
);
