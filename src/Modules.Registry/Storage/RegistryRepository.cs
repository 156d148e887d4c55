using Dapper;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Modules.Registry.Storage;

/// <summary>The last good copies, table <c>registry_documents</c>.</summary>
internal sealed class RegistryRepository(NpgsqlDataSource database)
{
    /// <summary>Begins a refresh, after that of any other host: whoever comes second finds the copies fresh.</summary>
    public async Task<RegistryTransaction> BeginRefreshAsync(CancellationToken cancellationToken)
    {
        var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await connection.ExecuteAsync(new CommandDefinition(
                "select pg_advisory_xact_lock(@lockKey)", new { lockKey = AdvisoryLocks.RegistryRefresh }, cancellationToken: cancellationToken));
            return new RegistryTransaction(connection, transaction);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>One document; null when there is no copy.</summary>
    public async Task<UpstreamFile?> FindAsync(string path, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QuerySingleOrDefaultAsync<UpstreamFile>(new CommandDefinition(
            """
            select path, source, body, etag, last_modified, changed_at, checked_at
            from registry_documents
            where path = @path
            """,
            new { path },
            cancellationToken: cancellationToken));
    }

    /// <summary>Keeps an archived version.</summary>
    public async Task SaveAsync(UpstreamFile document, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await RegistryTransaction.SaveAsync(connection, document, cancellationToken);
    }
}

/// <summary>One refresh of the current documents, alone among all hosts.</summary>
internal sealed class RegistryTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    /// <summary>The manifest and the current file of each provider, by path.</summary>
    public async Task<Dictionary<string, UpstreamFile>> ReadCurrentAsync(CancellationToken cancellationToken)
    {
        var documents = await connection.QueryAsync<UpstreamFile>(new CommandDefinition(
            """
            select path, source, body, etag, last_modified, changed_at, checked_at
            from registry_documents
            where path not like '%/v/%'
            """,
            cancellationToken: cancellationToken));
        return documents.ToDictionary(document => document.Path, StringComparer.Ordinal);
    }

    public async Task CommitAsync(IEnumerable<UpstreamFile> changed, CancellationToken cancellationToken)
    {
        foreach (var document in changed)
            await SaveAsync(connection, document, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }

    public static Task SaveAsync(NpgsqlConnection connection, UpstreamFile document, CancellationToken cancellationToken) =>
        connection.ExecuteAsync(new CommandDefinition(
            """
            insert into registry_documents (path, source, body, etag, last_modified, changed_at, checked_at)
            values (@Path, @Source, @Body, @ETag, @LastModified, @ChangedAt, @CheckedAt)
            on conflict (path) do update set
                source = excluded.source, body = excluded.body, etag = excluded.etag, last_modified = excluded.last_modified,
                changed_at = excluded.changed_at, checked_at = excluded.checked_at
            """,
            document,
            cancellationToken: cancellationToken));
}
