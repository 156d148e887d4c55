using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Conversations;

/// <summary>Keeps the search index up to date, a second behind.</summary>
internal sealed partial class SearchIndexing(SearchIndex index, TimeProvider time, ILogger<SearchIndexing> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
                await Task.Delay(await StepAsync(stoppingToken), time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops; what is left waits for its next start or another host.
        }
    }

    /// <returns>How long to wait. While there is more to do, as long as the work took: requests go first.</returns>
    private async Task<TimeSpan> StepAsync(CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        try
        {
            return await index.IndexStepAsync(cancellationToken) ? watch.Elapsed : Pause;
        }
        catch (NpgsqlException exception)
        {
            // The step is rolled back and comes again: searches find older words meanwhile.
            LogStepFailed(exception.Message);
            return Pause * 10;
        }
    }

    [LoggerMessage(LogLevel.Warning, "The search index is behind: {Reason}")]
    private partial void LogStepFailed(string reason);
}
