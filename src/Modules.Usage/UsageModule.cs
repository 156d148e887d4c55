using LlmRing.Modules.Usage.Adoption;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Maintenance;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Repricing;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Logs usage and cost of LLM calls and answers statistics. Calls without a cost are priced by <see cref="IModelPrices"/>;
/// without the Registry module they are stored unpriced. Offers <see cref="IUsageTotals"/> and <see cref="IUsageLedger"/>, and
/// publishes <see cref="Shared.Events.UsageLogged"/>.
/// </summary>
public sealed class UsageModule : IModule, IDatabaseReport
{
    /// <inheritdoc/>
    public string Name => "usage";

    /// <inheritdoc/>
    public string Description => "Logs usage and cost of LLM calls and answers statistics.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(configuration.ReadSettings<UsageSettings>())
        // Storage
        .AddSingleton<UsageLogRepository>()
        .AddSingleton<PriceStore>()
        .AddSingleton<MonthPartitions>()
        .AddSingleton<UsageInsertCommand>()
        .AddSingleton<UsageStore>()
        .AddSingleton<UsageBatchWriter>()
        .AddHostedService(provider => provider.GetRequiredService<UsageBatchWriter>())
        // Filters
        .AddSingleton<TimeZones>()
        .AddSingleton<UsageFilterFactory>()
        // Rollups
        .AddSingleton<RollupRepository>()
        .AddSingleton<MatchingHours>()
        .AddSingleton<IUsageTotals>(provider => provider.GetRequiredService<RollupRepository>())
        .AddSingleton<StatsCache>()
        .AddHostedService(provider => provider.GetRequiredService<StatsCache>())
        // Pricing
        .AddSingleton<UsageRecordFactory>()
        .AddSingleton<UsageTimestamps>()
        .AddSingleton<IUsageLedger, UsageLedger>()
        // Repricing
        .AddSingleton<RepricingStore>()
        .AddSingleton<RepricingRepository>()
        .AddSingleton<UsageRepricer>()
        .AddHostedService<RepriceOnRegistryChange>()
        // Adoption
        .AddSingleton<RollupBackfill>()
        .AddHostedService(provider => provider.GetRequiredService<RollupBackfill>())
        .AddSingleton<RollupSplit>()
        .AddHostedService(provider => provider.GetRequiredService<RollupSplit>())
        .AddSingleton(new ProjectBackfill("select usage_backfill_projects()"))
        // Maintenance
        .AddHostedService<UsageMaintenance>()
        .AddSingleton<IRetentionPolicy, UsageRetention>();

    /// <inheritdoc/>
    public async Task<string?> ReportAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        var lines = (string?[])[
            await RollupBackfill.DescribeAsync(connection, schema, cancellationToken),
            await RollupSplit.DescribeAsync(connection, schema, cancellationToken)];
        return lines.All(line => line is null) ? null : string.Join("; ", lines.Where(line => line is not null));
    }
}
