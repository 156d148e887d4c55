using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Mcp;

/// <summary>Holds MCP servers with their tools, resources and prompts, and runs them.</summary>
public sealed class McpModule : IModule
{
    /// <inheritdoc/>
    public string Name => "mcp";

    /// <inheritdoc/>
    public string Description => "Holds MCP servers with their tools, resources and prompts, and runs them.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
    }
}
