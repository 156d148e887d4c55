using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Registry;

/// <summary>Serves a cached copy of the public model registry.</summary>
public sealed class RegistryModule : IModule
{
    /// <inheritdoc/>
    public string Name => "registry";

    /// <inheritdoc/>
    public string Description => "Serves a cached copy of the public model registry.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
    }
}
