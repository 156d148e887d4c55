using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Module1;

/// <summary>Keeps short texts for each key. What it is for, and what it needs of other modules, belongs here.</summary>
public sealed class ModuleClassModule : IModule
{
    /// <inheritdoc/>
    public string Name => "module-name";

    /// <inheritdoc/>
    public string Description => "Keeps short texts for each key.";

    /// <inheritdoc/>
    public string? Schema => "module_name";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(configuration.ReadSettings<ModuleClassSettings>())
        .AddSingleton<EntryRepository>();
}
