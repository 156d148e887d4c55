using System.Security.Cryptography;
using System.Text;
using Dapper;
using LlmRing.Shared.Caching;
using Npgsql;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Authentication;

/// <summary>
/// Looks keys and memberships up in schema <c>llmring_api</c>, which the SaaS (or an operator) owns and which may be absent.
/// Answers are kept for a second on each host, in memory only: a revoked key is refused within that second everywhere,
/// with or without Redis, at the price of one indexed look-up a second for each key in use.
/// </summary>
internal sealed partial class ApiKeyLookup(NpgsqlDataSource database, IFusionCache cache, LastUsedTracker uses, TimeProvider time, ILogger<ApiKeyLookup> logger)
{
    private static readonly FusionCacheEntryOptions ForASecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    /// <returns>The key; null when it is unknown, revoked or expired.</returns>
    public async ValueTask<ApiKeyIdentity?> FindApiKeyAsync(string key, CancellationToken cancellationToken)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        var known = await cache.GetOrSetAsync<ApiKeyIdentity?>(
            $"access:key:{hash}",
            async (_, token) =>
            {
                // Tables that others made may have no expires_at.
                var found = await QueryAsync<ApiKeyIdentity>(
                    """
                    select id, project_id, (to_jsonb(k) ->> 'expires_at')::timestamptz as expires_at
                    from llmring_api.api_keys k
                    where key_hash = @hash and is_active
                    limit 1
                    """,
                    new { hash },
                    token);
                if (found is not null)
                    uses.Note(found.Id);
                return found;
            },
            ForASecond,
            token: cancellationToken);
        return known?.ExpiresAt <= time.GetUtcNow() ? null : known;
    }

    public async ValueTask<bool> IsMemberAsync(Guid userId, Guid projectId, CancellationToken cancellationToken) =>
        await cache.GetOrSetAsync<bool>(
            $"access:member:{userId}:{projectId}",
            async (_, token) => await QueryAsync<bool>(
                """
                select exists (select from llmring_api.projects where id = @projectId and user_id = @userId)
                    or (exists (select from llmring_api.projects where id = @projectId)
                        and exists (select from llmring_api.project_members where project_id = @projectId and user_id = @userId))
                """,
                new { userId, projectId },
                token),
            ForASecond,
            token: cancellationToken);

    private async Task<T?> QueryAsync<T>(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            return await connection.QuerySingleOrDefaultAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            // No such tables: nobody is known here, so nobody is let in.
            return default;
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedColumn)
        {
            // Likewise, but somebody meant them to be read.
            LogUnusable(exception.MessageText);
            return default;
        }
    }

    [LoggerMessage(LogLevel.Error, "Nobody is let in by the tables of schema llmring_api, which this server cannot use: {Reason}")]
    private partial void LogUnusable(string reason);
}

/// <summary>A key that is let in.</summary>
internal sealed record ApiKeyIdentity
{
    public Guid Id { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }
}
