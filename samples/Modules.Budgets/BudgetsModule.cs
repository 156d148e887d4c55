using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Egress;
using LlmRing.Shared.Events;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Budgets;

/// <summary>
/// Monthly budgets for a key or for an alias of a key, with a signed webhook at two thresholds. Listens to
/// <see cref="UsageLogged"/> to know when to check, and asks <see cref="IUsageTotals"/> for the spent amount: a lost event delays
/// a webhook by a minute and makes no amount wrong.
/// </summary>
public sealed class BudgetsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "budgets";

    /// <inheritdoc/>
    public string Description => "Monthly budgets for a key or an alias, with webhooks.";

    /// <inheritdoc/>
    public string? Schema => "budgets";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        var settings = configuration.ReadSettings<BudgetsSettings>();
        services.AddSingleton(settings)
            .AddSingleton(new WebhookNetwork(new OutboundAddressPolicy(settings.AllowedNetworks)))
            .AddSingleton<BudgetRepository>()
            .AddSingleton<AlertRepository>()
            .AddSingleton<IRetentionPolicy, AlertRetention>()
            .AddSingleton<ThresholdMonitor>()
            .AddEventListener<UsageLogged, ThresholdMonitor>()
            .AddHostedService(provider => provider.GetRequiredService<ThresholdMonitor>())
            .AddHostedService<WebhookDelivery>()
            .AddDashboardPage("budgets", "Budgets", this, "Pages/budgets.js");
        services.AddHealthChecks().AddCheck<AlertBacklogCheck>("budgets");
    }
}
