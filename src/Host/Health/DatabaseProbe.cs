using LlmRing.Host.Postgres;
using LlmRing.Shared.Caching;
using Npgsql;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Health;

/// <summary>Asks the primary database for a sign of life, over a connection that readers and writers cannot take.</summary>
internal sealed class DatabaseProbe([FromKeyedServices(PostgresServices.HealthPool)] NpgsqlDataSource database, IFusionCache cache)
{
    // The routes are public: however often they are called, the database is asked once a second.
    private static readonly FusionCacheEntryOptions OneSecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    /// <summary>The state of the database, asked for within two seconds; at most a second old.</summary>
    public ValueTask<DatabaseState> GetStateAsync(CancellationToken cancellationToken) =>
        cache.GetOrSetAsync<DatabaseState>(
            "health:database", async (_, token) => await AskAsync(token), OneSecond, token: cancellationToken);

    private async Task<DatabaseState> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = database.CreateCommand("select pg_is_in_recovery()");
            if (await command.ExecuteScalarAsync(cancellationToken) is false)
                return DatabaseState.Writable;
            // The next look opens a connection anew, and finds the primary if another server is the primary by now.
            database.Clear();
            return DatabaseState.Standby;
        }
        catch (NpgsqlException)
        {
            return DatabaseState.Silent;
        }
    }
}

/// <summary>What the database can serve.</summary>
internal enum DatabaseState
{
    /// <summary>The database does not answer.</summary>
    Silent,

    /// <summary>The database answers, but is a standby that refuses every write.</summary>
    Standby,

    /// <summary>The database is a primary.</summary>
    Writable,
}
