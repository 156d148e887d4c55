using System.Collections.Concurrent;
using Dapper;
using Npgsql;

namespace LlmRing.Host.Authentication;

/// <summary>Stores when keys were last used: once a minute for all keys, outside of requests.</summary>
internal sealed partial class LastUsedTracker(
    NpgsqlDataSource database, TimeProvider time, ILogger<LastUsedTracker> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<Guid, DateTime> _uses = new();
    private bool _hasColumn = true;

    public void Record(Guid key) => _uses[key] = time.GetUtcNow().UtcDateTime;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await WriteAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            await WriteAsync(stoppingToken);
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        var uses = _uses.ToArray();
        foreach (var use in uses)
            _uses.TryRemove(use);
        if (uses.Length == 0 || !_hasColumn)
            return;

        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            // Rows are locked in the order of ids, so that two hosts never deadlock.
            await connection.ExecuteAsync(new CommandDefinition(
                """
                update llmring_api.api_keys k
                set last_used_at = greatest(k.last_used_at, used.at)
                from (
                    select locked.id, u.at
                    from unnest(@ids, @times) as u (id, at)
                    join llmring_api.api_keys locked on locked.id = u.id
                    order by locked.id
                    for update of locked) used
                where k.id = used.id
                """,
                new { ids = uses.Select(use => use.Key).ToArray(), times = uses.Select(use => use.Value).ToArray() },
                cancellationToken: cancellationToken));
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedColumn)
        {
            // The tables of another system may lack the column: stop trying.
            _hasColumn = false;
        }
        catch (NpgsqlException exception)
        {
            // Written with the next ones, unless a later use took their place.
            foreach (var use in uses)
                _uses.TryAdd(use.Key, use.Value);
            LogNotStored(exception.Message);
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The times at which keys were last used could not be stored: {Reason}",
        EventName = "LastUsedNotStored")]
    private partial void LogNotStored(string reason);
}
