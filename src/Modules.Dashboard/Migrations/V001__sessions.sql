-- Sessions of browsers. A row is useless without the browser's token: the token is stored as its SHA-256, the keys under the token.
create table ${schema}.sessions (
    token_hash bytea primary key,
    sealed     bytea       not null,
    created_at timestamptz not null,
    used_at    timestamptz not null,
    expires_at timestamptz not null
);

create index sessions_expires_at on ${schema}.sessions (expires_at);
