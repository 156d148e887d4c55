using System.Security.Cryptography;
using System.Text;
using Dapper;
using LlmRing.Host.Authentication.Keys;
using LlmRing.Shared.Caching;
using Npgsql;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Authentication;

/// <summary>
/// Looks up keys and memberships in schema <c>llmring_api</c>, which an operator or another system owns and which may be absent.
/// Each host caches answers for one second in memory: every host refuses a revoked key within that second, with or without
/// Redis, at the cost of one indexed look-up per second and key in use.
/// </summary>
internal sealed partial class ApiKeyLookup(
    NpgsqlDataSource database, IFusionCache cache, LastUsedTracker uses, TimeProvider time, ILogger<ApiKeyLookup> logger)
{
    private static readonly FusionCacheEntryOptions OneSecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    /// <returns>The key; null when it is unknown, revoked or expired.</returns>
    public async ValueTask<ApiKeyIdentity?> FindApiKeyAsync(string key, CancellationToken cancellationToken)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        var known = await cache.GetOrSetAsync<ApiKeyIdentity?>(
            $"access:key:{hash}",
            async (_, token) =>
            {
                var found = await QueryAsync<ApiKeyIdentity>(
                    $"""
                    select id, project_id, {StoredTime.Column("expires_at")}
                    from llmring_api.api_keys k
                    where key_hash = @hash and is_active
                    limit 1
                    """,
                    new { hash },
                    token);
                if (found is not null)
                    uses.Record(found.Id);
                return found;
            },
            OneSecond,
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
            OneSecond,
            token: cancellationToken);

    private async Task<T?> QueryAsync<T>(string sql, object parameters, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        try
        {
            return await connection.QuerySingleOrDefaultAsync<T>(
                new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            // Without the tables no key is known, so every key is refused.
            return default;
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.UndefinedColumn)
        {
            // The tables exist but cannot be used (grant or column missing): refuse, and log the misconfiguration.
            LogTablesUnreadable(exception.MessageText);
            return default;
        }
    }

    [LoggerMessage(
        LogLevel.Error,
        "Every API key is refused, because the tables of schema llmring_api cannot be read: {Reason}",
        EventName = "ApiKeyTablesUnreadable")]
    private partial void LogTablesUnreadable(string reason);
}

/// <summary>An active key.</summary>
internal sealed record ApiKeyIdentity
{
    public Guid Id { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }
}
