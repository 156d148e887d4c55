using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Module1.Storage;

namespace Module1;

/// <summary>Stores short texts for each key. Say here what the module is for and which contracts of other modules it needs.</summary>
public sealed class ModuleClassModule : IModule
{
    /// <inheritdoc/>
    public string Name => "module-name";

    /// <inheritdoc/>
    public string Description => "Stores short texts for each key.";

    /// <inheritdoc/>
    public string? Schema => "module_name";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(configuration.ReadSettings<ModuleClassSettings>())
        .AddSingleton<EntryRepository>();
}
