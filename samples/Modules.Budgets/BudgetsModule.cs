using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Egress;
using LlmRing.Shared.Events;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Budgets;

/// <summary>
/// Monthly budgets for a key or for an alias of it, with a signed webhook when one is nearly or wholly spent. Listens to
/// <see cref="UsageLogged"/> to know when to look, and asks <see cref="IUsageTotals"/> what was spent: an
/// event that is missed delays a webhook by a minute, and makes no number wrong.
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
            .AddSingleton<BudgetWatch>()
            .AddEventListener<UsageLogged, BudgetWatch>()
            .AddHostedService(provider => provider.GetRequiredService<BudgetWatch>())
            .AddHostedService<AlertDelivery>();
        services.AddHealthChecks().AddCheck<AlertBacklogCheck>("budgets");
    }
}
