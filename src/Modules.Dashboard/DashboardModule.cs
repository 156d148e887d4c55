using LlmRing.Modules.Dashboard.Files;
using LlmRing.Modules.Dashboard.Responses;
using LlmRing.Modules.Dashboard.Sessions;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Dashboard;

/// <summary>
/// Serves the pages under <c>/dashboard</c>, which show what the public API answers and nothing else, and the sessions of the browsers
/// that open them. Offers <see cref="ISessionKeys"/>; needs no other module.
/// </summary>
public sealed class DashboardModule : IModule
{
    /// <inheritdoc/>
    public string Name => "dashboard";

    /// <inheritdoc/>
    public string Description => "Serves the dashboard and its sessions.";

    /// <inheritdoc/>
    public string? Schema => "dashboard";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        // Files
        .AddSingleton<DashboardFiles>()
        // Sessions
        .AddSingleton<SessionStore>()
        .AddSingleton<ISessionKeys, SessionKeys>()
        // Responses
        .AddSingleton<SessionResponseFactory>();
}
