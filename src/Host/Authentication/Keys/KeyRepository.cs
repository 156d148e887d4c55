using Dapper;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Authentication.Keys;

/// <summary>
/// Keys and projects in schema <c>llmring_api</c>. Tables of another system are used as they are: the columns that only this
/// server creates (<c>name</c>, <c>created_at</c>, <c>expires_at</c>, <c>last_used_at</c>) may be missing.
/// </summary>
internal sealed class KeyRepository(NpgsqlDataSource database)
{
    private static readonly string Columns = $"""
        k.id, k.project_id, k.is_active,
        {StoredTime.Column("created_at")}, {StoredTime.Column("expires_at")}, {StoredTime.Column("last_used_at")}
        """;

    /// <summary>Creates the tables that are missing.</summary>
    public async Task CreateTablesAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            do $$
            begin
                -- "create schema if not exists" demands the right to create schemas even where the schema exists.
                if to_regnamespace('llmring_api') is null then
                    create schema llmring_api;
                end if;
                if to_regclass('llmring_api.projects') is null then
                    create table llmring_api.projects (
                        id uuid primary key default gen_random_uuid(),
                        name text unique,
                        user_id uuid,
                        created_at timestamptz not null default now());
                end if;
                if to_regclass('llmring_api.project_members') is null then
                    create table llmring_api.project_members (
                        project_id uuid not null,
                        user_id uuid not null,
                        created_at timestamptz not null default now(),
                        primary key (project_id, user_id));
                end if;
                if to_regclass('llmring_api.api_keys') is null then
                    create table llmring_api.api_keys (
                        id uuid primary key default gen_random_uuid(),
                        project_id uuid not null,
                        key_hash text not null unique,
                        is_active boolean not null default true,
                        created_at timestamptz not null default now(),
                        expires_at timestamptz,
                        last_used_at timestamptz);
                end if;
            end
            $$
            """,
            cancellationToken: cancellationToken));
    }

    /// <summary>Stores a key of a project. A project of an unknown name is created.</summary>
    /// <param name="project">Name or id of the project.</param>
    /// <param name="key">The key.</param>
    /// <param name="expiresAt">When the key expires, UTC; null: never.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    /// <returns>Ids of the key and its project.</returns>
    public async Task<(Guid Id, Guid Project)> CreateAsync(
        string project, ApiKey key, DateTimeOffset? expiresAt, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Only one command creates at a time, so that two do not create the same project.
        await connection.ExecuteAsync(
            new CommandDefinition(
                "select pg_advisory_xact_lock(@lockKey)",
                new { lockKey = AdvisoryLocks.Keys },
                transaction,
                cancellationToken: cancellationToken));
        var found = (await connection.QueryAsync<Guid>(new CommandDefinition(
            "select id from llmring_api.projects p where id::text = lower(@project) or to_jsonb(p) ->> 'name' = @project limit 2",
            new { project }, transaction, cancellationToken: cancellationToken))).AsList();
        if (found.Count > 1)
            throw new OperatorErrorException($"Several projects are named '{project}'; give the id of one");
        if (found.Count == 0 && Guid.TryParse(project, out _))
            throw new OperatorErrorException($"There is no project {project}");

        var projectId = found.Count == 1 ? found[0] : await connection.ExecuteScalarAsync<Guid>(new CommandDefinition(
            "insert into llmring_api.projects (id, name) values (gen_random_uuid(), @project) returning id",
            new { project },
            transaction,
            cancellationToken: cancellationToken));
        var id = await InsertAsync(connection, transaction, projectId, key, expiresAt, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (id, projectId);
    }

    /// <summary>All keys, ordered by project and age.</summary>
    public async Task<IEnumerable<StoredKey>> ListAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryAsync<StoredKey>(new CommandDefinition(
            $"""
            select {Columns}, to_jsonb(p) ->> 'name' as project
            from llmring_api.api_keys k
            left join llmring_api.projects p on p.id = k.project_id
            order by project, k.project_id, created_at, k.id
            """,
            cancellationToken: cancellationToken));
    }

    /// <summary>
    /// Stores a new key of the same project with the lifetime of the old one, and lets the old key expire after a grace period.
    /// </summary>
    /// <returns>Ids of the new key and its project, and when the new key expires.</returns>
    public async Task<(Guid Id, Guid Project, DateTimeOffset? ExpiresAt)> RotateAsync(
        Guid old, ApiKey key, TimeSpan grace, DateTimeOffset now, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var stored = await connection.QuerySingleOrDefaultAsync<StoredKey>(new CommandDefinition(
            $"select {Columns} from llmring_api.api_keys k where id = @old for update",
            new { old },
            transaction,
            cancellationToken: cancellationToken));
        if (stored is null || stored.StateAt(now) is not "active")
            throw new OperatorErrorException($"There is no active key {old}");
        if (stored.ProjectId is not { } project)
            throw new OperatorErrorException($"The key {old} belongs to no project: what it wrote would not be seen with another key");

        var lifetime = stored.ExpiresAt - stored.CreatedAt;
        // Times that were written by hand may be so far apart that the successor would expire after the last day of .NET.
        var expiresAt = lifetime is null || lifetime > DateTimeOffset.MaxValue - now ? stored.ExpiresAt : now + lifetime;
        var id = await InsertAsync(connection, transaction, project, key, expiresAt, cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            grace > TimeSpan.Zero
                ? "update llmring_api.api_keys set expires_at = least(expires_at, @end) where id = @old"
                : "update llmring_api.api_keys set is_active = false where id = @old",
            new { old, end = now + grace },
            transaction,
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        return (id, project, expiresAt);
    }

    /// <summary>Deactivates a key.</summary>
    /// <returns>False where no key has the id.</returns>
    public async Task<bool> RevokeAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            "update llmring_api.api_keys set is_active = false where id = @id", new { id }, cancellationToken: cancellationToken)) > 0;
    }

    private static async Task<Guid> InsertAsync(
        NpgsqlConnection connection,
        NpgsqlTransaction transaction,
        Guid project,
        ApiKey key,
        DateTimeOffset? expiresAt,
        CancellationToken cancellationToken) =>
        await connection.ExecuteScalarAsync<Guid>(new CommandDefinition(
            // Tables of another system may lack expires_at, so the column is named only when it is set.
            expiresAt is null
                ? """
                insert into llmring_api.api_keys (id, project_id, key_hash, is_active)
                values (gen_random_uuid(), @project, @hash, true) returning id
                """
                : """
                insert into llmring_api.api_keys (id, project_id, key_hash, is_active, expires_at)
                values (gen_random_uuid(), @project, @hash, true, @expiresAt) returning id
                """,
            new { project, hash = key.Hash, expiresAt },
            transaction,
            cancellationToken: cancellationToken));
}
