-- Short texts for each key. The owner of a row is its project or, without one, its key; with a project the key only
-- records who wrote the row.

create table ${schema}.entries (
    id uuid primary key,
    api_key_id varchar(255),
    project_id uuid,
    text varchar(500) not null,
    created_at timestamptz not null default now()
);

create index entries_by_api_key on ${schema}.entries (api_key_id, id desc) where api_key_id is not null;
create index entries_by_project on ${schema}.entries (project_id, id desc) where project_id is not null;
