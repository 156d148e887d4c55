using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Adoption;

/// <summary>
/// Adds the rows of an adopted database to the rollups, while the server runs. Until all rows are added, statistics sum up
/// the rollups and the rows that the rollups lack.
/// </summary>
internal sealed partial class RollupBackfill(NpgsqlDataSource database, TimeProvider time, ILogger<RollupBackfill> logger)
    : BackgroundService
{
    private const int StepRows = 20_000;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile bool _isPending = true;

    /// <summary>Whether the rollups may lack rows. Once false, it stays false: rows are adopted by the first migration only.</summary>
    public bool IsPending => _isPending;

    /// <summary>The progress, for an operator; null where no database was adopted.</summary>
    public static async Task<string?> DescribeAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select to_regclass(@table) is not null",
            new { table = $"\"{schema}\".usage_backfill" },
            cancellationToken: cancellationToken)))
            return null;

        // In scopes, not rows: a usage of a key and a project counts in both, so the numbers of rows do not add up.
        var (scopes, done) = await connection.QuerySingleAsync<(long Scopes, long Done)>(new CommandDefinition(
            $"""
            select count(*) as scopes, count(*) filter (where pending_until = '-infinity') as done from "{schema}".usage_backfill
            """,
            cancellationToken: cancellationToken));
        return scopes == 0 ? null
            : done < scopes
                ? $"hourly totals: those of {done} of {scopes} adopted keys and projects are made, the others follow while the server runs"
            : $"hourly totals: those of all {scopes} adopted keys and projects are made";
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshIsPendingAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!_isPending)
            return;
        LogStarted();
        while (_isPending)
            await Task.Delay(await StepAsync(stoppingToken), time, stoppingToken);
        LogCompleted();
    }

    /// <returns>How long to wait: as long as the step took, so that requests get at least half of the database's time.</returns>
    private async Task<TimeSpan> StepAsync(CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            // The function reports a scope that fails as a notice, and goes on with the others.
            connection.Notice += (_, notice) => LogStepFailed(notice.Notice.MessageText);
            // Without a timeout: a step is at least an hour of one scope, however many rows that has.
            if (await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
                "select usage_backfill_step(@maxRows)",
                new { maxRows = StepRows },
                commandTimeout: 0,
                cancellationToken: cancellationToken)))
                return time.GetElapsedTime(start);
            // All rows are added, other hosts are adding the last ones, or the scopes that are left have failed a moment ago.
            await RefreshIsPendingAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            LogStepFailed(exception.Message);
        }

        return Pause;
    }

    private async Task RefreshIsPendingAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        _isPending = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from usage_backfill where pending_until > '-infinity')", cancellationToken: cancellationToken));
    }

    [LoggerMessage(
        LogLevel.Information, "The backfill of adopted usages into the rollups has started", EventName = "RollupBackfillStarted")]
    private partial void LogStarted();

    [LoggerMessage(
        LogLevel.Information, "The backfill of adopted usages into the rollups is complete", EventName = "RollupBackfillCompleted")]
    private partial void LogCompleted();

    [LoggerMessage(
        LogLevel.Warning,
        "A step of the backfill of adopted usages failed and is tried again: {Reason}",
        EventName = "RollupBackfillStepFailed")]
    private partial void LogStepFailed(string reason);
}
