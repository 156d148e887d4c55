using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Templates;

/// <summary>
/// Stores reusable conversation templates: a key's own, and global ones (rows without an owner, which an operator
/// inserts) that every key reads and uses and none changes. It needs and offers no contract of Shared.
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
        .AddSingleton(ProjectBackfill.Of("conversation_templates"));
}
