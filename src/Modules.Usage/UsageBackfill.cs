using System.Diagnostics;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Takes the rows of a database that the reference server left into the hourly totals, while the server runs. Until all
/// are in, statistics add up totals and the rows that are still out.
/// </summary>
internal sealed partial class UsageBackfill(NpgsqlDataSource database, TimeProvider time, ILogger<UsageBackfill> logger) : BackgroundService
{
    private const int StepRows = 20_000;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private volatile bool _isPending = true;

    /// <summary>Whether rows may be out of the totals. Once it is false it stays so: no further rows are taken over.</summary>
    public bool IsPending => _isPending;

    /// <summary>How far it is, for an operator; null where nothing was taken over.</summary>
    public static async Task<string?> DescribeAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        if (await connection.ExecuteScalarAsync<string?>(new CommandDefinition(
            "select to_regclass(@table)::text", new { table = $"\"{schema}\".usage_backfill" }, cancellationToken: cancellationToken)) is null)
            return null;

        // A usage of a key and a project counts for both, so their numbers do not add up to that of the usages.
        var (scopes, done) = await connection.QuerySingleAsync<(long Scopes, long Done)>(new CommandDefinition(
            $"""select count(*) as scopes, count(*) filter (where pending_until = '-infinity') as done from "{schema}".usage_backfill""",
            cancellationToken: cancellationToken));
        return scopes == 0 ? null
            : done < scopes ? $"hourly totals: those of {done} of {scopes} adopted keys and projects are made, the others follow while the server runs"
            : $"hourly totals: those of all {scopes} adopted keys and projects are made";
    }

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!_isPending)
            return;
        LogBegun();
        while (_isPending)
            await Task.Delay(await StepAsync(stoppingToken), time, stoppingToken);
        LogComplete();
    }

    /// <returns>How long to wait: as long as the work took, since requests go first.</returns>
    private async Task<TimeSpan> StepAsync(CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            connection.Notice += (_, notice) => LogPutOff(notice.Notice.MessageText);
            // However long it takes: an hour is the least that a step can take in.
            if (await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
                "select usage_backfill_step(@StepRows)", new { StepRows }, commandTimeout: 0, cancellationToken: cancellationToken)))
                return watch.Elapsed;
            // Nothing is left, or other hosts are at it.
            await LookAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            LogPutOff(exception.Message);
        }

        return Pause;
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        _isPending = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from usage_backfill where pending_until > '-infinity')", cancellationToken: cancellationToken));
    }

    [LoggerMessage(LogLevel.Information, "Adopted usages are being taken into the hourly totals")]
    private partial void LogBegun();

    [LoggerMessage(LogLevel.Information, "Adopted usages are in the hourly totals")]
    private partial void LogComplete();

    [LoggerMessage(LogLevel.Warning, "Taking adopted usages into the totals is put off: {Reason}")]
    private partial void LogPutOff(string reason);
}
