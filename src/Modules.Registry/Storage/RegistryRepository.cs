using Dapper;
using LlmRing.Modules.Registry.Upstream;
using Npgsql;

namespace LlmRing.Modules.Registry.Storage;

/// <summary>The last good copies of the upstream's files (table <c>registry_documents</c>), and the lease on their refresh.</summary>
internal sealed class RegistryRepository(NpgsqlDataSource database)
{
    /// <summary>
    /// Acquires the lease of the host that refreshes the copies. A row and not a lock, so that no connection is held while the
    /// upstream answers; by the database's clock, so that the hosts' clocks need not agree.
    /// </summary>
    /// <param name="duration">When the lease of a host that died expires.</param>
    /// <param name="cancellationToken">Ends the statement.</param>
    /// <returns>The lease, released when disposed of; null while another host holds it.</returns>
    public async Task<RegistryLease?> TryAcquireLeaseAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var holder = Guid.NewGuid();
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var acquired = await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into registry_lease (holder, expires_at)
            values (@holder, now() + @duration)
            on conflict (is_only_row) do update set holder = excluded.holder, expires_at = excluded.expires_at
            where registry_lease.expires_at <= now()
            """,
            new { holder, duration },
            cancellationToken: cancellationToken));
        return acquired == 1 ? new RegistryLease(database, holder) : null;
    }

    /// <summary>The copies of the manifest and of the current file of each provider.</summary>
    public async Task<IEnumerable<UpstreamFile>> ReadCurrentAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryAsync<UpstreamFile>(new CommandDefinition(
            """
            select path, source, body, etag, last_modified, changed_at, checked_at
            from registry_documents
            where path not like '%/v/%'
            """,
            cancellationToken: cancellationToken));
    }

    /// <summary>The copy of one file; null when there is none.</summary>
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

    /// <summary>Stores copies, all or none.</summary>
    public async Task SaveAsync(IEnumerable<UpstreamFile> files, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into registry_documents (path, source, body, etag, last_modified, changed_at, checked_at)
            values (@path, @source, @body, @eTag, @lastModified, @changedAt, @checkedAt)
            on conflict (path) do update set
                source = excluded.source, body = excluded.body, etag = excluded.etag, last_modified = excluded.last_modified,
                changed_at = excluded.changed_at, checked_at = excluded.checked_at
            """,
            // In one order on every host: a host that outlived its lease must not deadlock with its successor.
            files.OrderBy(file => file.Path, StringComparer.Ordinal),
            transaction,
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
    }
}
