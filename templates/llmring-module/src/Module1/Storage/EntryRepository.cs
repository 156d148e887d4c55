using Dapper;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace Module1.Storage;

/// <summary>A row of <c>entries</c>, as the API answers it.</summary>
internal sealed record Entry
{
    public Guid Id { get; init; }
    public string Text { get; init; } = "";
    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>The table <c>entries</c>. Every statement has the filter of the scope, so a key never sees rows of another.</summary>
internal sealed class EntryRepository(NpgsqlDataSource database)
{
    /// <summary>Stores an entry.</summary>
    /// <returns>Null when the scope has <paramref name="maxEntries"/> entries already.</returns>
    public async Task<Entry?> AddAsync(Scope scope, string text, int maxEntries, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<Entry>(new CommandDefinition(
            $"""
            insert into module_name.entries (id, api_key_id, project_id, text)
            select @id, @apiKeyId, @projectId, @text
            where (select count(*) from module_name.entries where {scope.Filter}) < @maxEntries
            returning id, text, created_at
            """,
            new { id = Guid.CreateVersion7(), scope.ApiKeyId, scope.ProjectId, text, maxEntries },
            cancellationToken: cancellationToken));
    }

    /// <summary>The newest entries of the scope, newest first.</summary>
    public async Task<IReadOnlyList<Entry>> ListAsync(Scope scope, int limit, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<Entry>(new CommandDefinition(
            $"select id, text, created_at from module_name.entries where {scope.Filter} order by id desc limit @limit",
            new { scope.ApiKeyId, scope.ProjectId, limit },
            cancellationToken: cancellationToken))).AsList();
    }
}
