using LlmRing.Modules.Templates.Rendering;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Templates;

/// <summary>
/// Stores reusable conversation templates: those of a key or project, and global ones (rows without an owner, inserted by an
/// operator), which all callers can read and use but not change. The module neither needs nor implements a contract of Shared.
/// </summary>
public sealed class TemplatesModule : IModule
{
    /// <inheritdoc/>
    public string Name => "templates";

    /// <inheritdoc/>
    public string Description => "Stores reusable conversation templates.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton<TemplateRepository>()
        .AddSingleton<VersionRepository>()
        .AddSingleton<TemplateRenderer>()
        .AddSingleton(ProjectBackfill.Of("conversation_templates"));
}
