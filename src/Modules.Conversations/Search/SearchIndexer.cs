using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>Indexes committed titles and messages for the search, about a second after their commit.</summary>
internal sealed partial class SearchIndexer(SearchIndexWriter index, TimeProvider time, ILogger<SearchIndexer> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
                await Task.Delay(await StepAsync(stoppingToken), time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops; the rest of the backlog waits for the next start or for another host.
        }
    }

    /// <returns>
    /// How long to wait. While a backlog remains, twice as long as the step took: the words are made by this server, and requests need
    /// its processor.
    /// </returns>
    private async Task<TimeSpan> StepAsync(CancellationToken cancellationToken)
    {
        var start = time.GetTimestamp();
        try
        {
            return await index.IndexStepAsync(cancellationToken) ? 2 * time.GetElapsedTime(start) : Interval;
        }
        catch (NpgsqlException exception)
        {
            // The transaction is rolled back, so the same rows are taken again; until then the search reads them from the backlog.
            LogStepFailed(exception.Message);
            return RetryDelay;
        }
    }

    [LoggerMessage(LogLevel.Warning, "A step of the search index failed and is retried: {Reason}", EventName = "SearchIndexStepFailed")]
    private partial void LogStepFailed(string reason);
}
