using System.Data;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Adoption;

/// <summary>
/// Splits rollups of before version 4 by cost source and service tier, while the server runs, the newest day first. Until then, sums
/// by source or tier and the counts of unpriced usages are made from the rows.
/// </summary>
internal sealed partial class RollupSplit(NpgsqlDataSource database, TimeProvider time, ILogger<RollupSplit> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    // A host of the version before, which runs beside this one during an update, adds rollups that are not split.
    private static readonly TimeSpan CheckInterval = TimeSpan.FromMinutes(1);

    private volatile bool _isPending = true;

    /// <summary>Whether there may be rollups that are not split.</summary>
    public bool IsPending => _isPending;

    /// <summary>The progress, for an operator; null where all rollups are split.</summary>
    public static async Task<string?> DescribeAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select to_regclass(@table) is not null",
            new { table = $"\"{schema}\".usage_rollup_splits" },
            cancellationToken: cancellationToken)))
            return null;

        var pending = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"""select count(*) from "{schema}".usage_rollup_splits where pending_until > '-infinity'""",
            cancellationToken: cancellationToken));
        return pending == 0 ? null : $"hourly totals by cost source: those of {pending} keys and projects follow while the server runs";
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await RefreshIsPendingAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            if (_isPending)
                LogStarted();
            while (_isPending)
                await Task.Delay(await StepAsync(stoppingToken), time, stoppingToken);
            await Task.Delay(CheckInterval, time, stoppingToken);
            try
            {
                await RefreshIsPendingAsync(stoppingToken);
            }
            catch (NpgsqlException exception)
            {
                LogStepFailed(exception.Message);
            }
        }
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
            await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            // Without a timeout: a step is a day of one scope, however many rows that has.
            var hasSplit = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
                "select usage_rollup_split_step()", transaction: transaction, commandTimeout: 0, cancellationToken: cancellationToken));
            await transaction.CommitAsync(cancellationToken);
            if (hasSplit)
                return time.GetElapsedTime(start);
            // All rollups are split, other hosts are splitting the last ones, or the scopes that are left have failed a moment ago.
            await RefreshIsPendingAsync(cancellationToken);
            if (!_isPending)
                LogCompleted();
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.SerializationFailure)
        {
            // A host of the version before has added to the rollups of the day meanwhile.
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
            "select exists (select from usage_rollup_splits where pending_until > '-infinity')", cancellationToken: cancellationToken));
    }

    [LoggerMessage(
        LogLevel.Information, "The split of rollups by cost source and service tier has started", EventName = "RollupSplitStarted")]
    private partial void LogStarted();

    [LoggerMessage(
        LogLevel.Information, "The split of rollups by cost source and service tier is complete", EventName = "RollupSplitCompleted")]
    private partial void LogCompleted();

    [LoggerMessage(
        LogLevel.Warning,
        "A step of the split of rollups by cost source failed and is tried again: {Reason}",
        EventName = "RollupSplitStepFailed")]
    private partial void LogStepFailed(string reason);
}
