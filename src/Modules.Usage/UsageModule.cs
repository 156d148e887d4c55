using LlmRing.Modules.Usage.Reprice;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>
/// Logs usage and cost of LLM calls and answers statistics. Asks <see cref="IModelPrices"/> what a call
/// costs where its sender does not say; without the Registry module such calls are stored unpriced. Offers
/// <see cref="IUsageTotals"/>, and publishes <see cref="Shared.Events.UsageLogged"/>.
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
        .AddSingleton<IRetentionPolicy, UsageRetention>()
        .AddSingleton(new ProjectBackfill("select usage_fill_projects()"))
        .AddSingleton<UsageRepository>()
        .AddSingleton<StatsCache>()
        .AddSingleton<UsageWriter>()
        .AddSingleton<UsageRepricer>()
        .AddSingleton<IUsageTotals>(provider => provider.GetRequiredService<UsageRepository>())
        .AddHostedService<UsageMaintenance>()
        .AddSingleton<UsageBackfill>()
        .AddHostedService(provider => provider.GetRequiredService<UsageBackfill>())
        .AddHostedService(provider => provider.GetRequiredService<StatsCache>())
        .AddHostedService(provider => provider.GetRequiredService<UsageWriter>())
        .AddHostedService<RepricingOnRefresh>();

    /// <inheritdoc/>
    public async Task<string?> ReportAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken) =>
        await UsageBackfill.DescribeAsync(connection, schema, cancellationToken);
}
