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

    /// <summary>Whether the database answers within two seconds; the answer is at most a second old.</summary>
    public ValueTask<bool> AnswersAsync(CancellationToken cancellationToken) =>
        cache.GetOrSetAsync<bool>("health:database", async (_, token) => await AskAsync(token), OneSecond, token: cancellationToken);

    private async Task<bool> AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
