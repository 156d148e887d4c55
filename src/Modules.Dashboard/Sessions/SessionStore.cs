using System.Security.Cryptography;
using Dapper;
using LlmRing.Shared.Caching;
using Npgsql;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Modules.Dashboard.Sessions;

/// <summary>
/// Table <c>dashboard.sessions</c>. A session ends after twelve hours without a request, after seven days, or when it is deleted; other
/// hosts notice the latter within a second, as they do with revoked keys.
/// </summary>
internal sealed class SessionStore(NpgsqlDataSource database, IFusionCache cache, TimeProvider time)
{
    /// <summary>The most keys that a session can hold.</summary>
    public const int MaxKeys = 20;

    /// <summary>When a session ends at the latest.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(7);

    private static readonly TimeSpan IdleTime = TimeSpan.FromHours(12);

    private static readonly FusionCacheEntryOptions OneSecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    /// <summary>The keys of a session; empty where the session is unknown or has ended.</summary>
    public async ValueTask<IReadOnlyList<SessionKey>> FindAsync(SessionToken token, CancellationToken cancellationToken)
    {
        // The cache holds the sealed keys, so that a copy of this process's memory shows no more than the database.
        var stored = await cache.GetOrSetAsync<byte[]?>(
            CacheKey(token), async (_, stopping) => await ReadAsync(token, stopping), OneSecond, token: cancellationToken);
        return stored is null ? [] : Unseal(token, stored);
    }

    /// <summary>
    /// Adds a key to a session, which is created where the token is null or names none. A key that the session holds keeps its slot.
    /// </summary>
    /// <returns>The session's token and the slot; null where the session is full.</returns>
    public async Task<(SessionToken Token, SessionKey Key)?> AddKeyAsync(
        SessionToken? token, string key, string? label, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var now = time.GetUtcNow();
        await connection.ExecuteAsync(new CommandDefinition(
            "delete from dashboard.sessions where expires_at <= @now", new { now }, transaction, cancellationToken: cancellationToken));
        var stored = token is null ? null : await connection.QuerySingleOrDefaultAsync<byte[]>(new CommandDefinition(
            "select sealed from dashboard.sessions where token_hash = @hash for update",
            new { hash = token.Hash },
            transaction,
            cancellationToken: cancellationToken));
        // A browser never chooses the token of a new session.
        var owner = stored is null ? SessionToken.Create() : token!;
        var keys = stored is null ? [] : Unseal(owner, stored);

        var known = keys.FirstOrDefault(held => held.Key == key);
        if (known is null && keys.Count == MaxKeys)
            return null;
        var added = known ?? SlotNames.Name(keys, key, label);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into dashboard.sessions (token_hash, sealed, created_at, used_at, expires_at)
            values (@hash, @sealedKeys, @now, @now, @expiresAt)
            on conflict (token_hash) do update set sealed = excluded.sealed
            """,
            new
            {
                hash = owner.Hash,
                sealedKeys = owner.Seal(known is null ? [.. keys, added] : keys),
                now,
                expiresAt = now + IdleTime,
            },
            transaction,
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        await cache.RemoveAsync(CacheKey(owner), OneSecond, cancellationToken);
        return (owner, added);
    }

    /// <summary>Ends a session: a copy of its cookie is worthless from now on.</summary>
    public async Task DeleteAsync(SessionToken token, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            "delete from dashboard.sessions where token_hash = @hash", new { hash = token.Hash }, cancellationToken: cancellationToken));
        await cache.RemoveAsync(CacheKey(token), OneSecond, cancellationToken);
    }

    /// <summary>Reads a session, and notes once a minute that it is in use.</summary>
    private async Task<byte[]?> ReadAsync(SessionToken token, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var now = time.GetUtcNow();
        var session = await connection.QuerySingleOrDefaultAsync<(byte[] Sealed, bool IsDue)?>(new CommandDefinition(
            """
            select sealed, used_at < @now - interval '1 minute'
            from dashboard.sessions
            where token_hash = @hash and expires_at > @now
            """,
            new { hash = token.Hash, now },
            cancellationToken: cancellationToken));
        if (session is { IsDue: true })
        {
            await connection.ExecuteAsync(new CommandDefinition(
                """
                update dashboard.sessions
                set used_at = @now, expires_at = least(@now + @idleTime, created_at + @longestLife)
                where token_hash = @hash
                """,
                new { hash = token.Hash, now, idleTime = IdleTime, longestLife = LongestLife },
                cancellationToken: cancellationToken));
        }

        return session?.Sealed;
    }

    private static IReadOnlyList<SessionKey> Unseal(SessionToken token, byte[] stored)
    {
        try
        {
            return token.Unseal(stored);
        }
        catch (CryptographicException)
        {
            // The row was changed by hand or damaged: the session is unusable, and signing in again makes a new one.
            return [];
        }
    }

    private static string CacheKey(SessionToken token) => $"dashboard:session:{Convert.ToHexStringLower(token.Hash)}";
}
