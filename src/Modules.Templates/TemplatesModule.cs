using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Templates;

/// <summary>Stores reusable conversation templates.</summary>
public sealed class TemplatesModule : IModule
{
    /// <inheritdoc/>
    public string Name => "templates";

    /// <inheritdoc/>
    public string Description => "Stores reusable conversation templates.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
    }
}
