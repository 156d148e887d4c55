using System.Diagnostics.Metrics;
using LlmRing.Shared.Events;
using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Writes the usages of concurrent requests with one statement and one commit.</summary>
internal sealed class UsageWriter(NpgsqlDataSource database, StatsCache stats, IEvents events, IMeterFactory meters, ILogger<UsageWriter> logger)
    : BatchWriter<UsageRow, LoggedUsage>(capacity: 8_192, new QueueMetrics(meters, "LlmRing.Usage"), logger)
{
    protected override (int Rows, long Characters) SizeOf(UsageRow item) => (1, item.Metadata.Length);

    protected override async Task<IReadOnlyList<LoggedUsage>> WriteAsync(IReadOnlyList<UsageRow> items)
    {
        await using var connection = await database.OpenConnectionAsync();
        var answers = await UsageTables.WriteAsync(connection, "log", items, CancellationToken.None);
        await stats.EvictAsync(items);
        return answers;
    }

    protected override void OnAnswered(IReadOnlyList<UsageRow> items, IReadOnlyList<LoggedUsage> answers) => events.PublishLogged(items, answers);
}
