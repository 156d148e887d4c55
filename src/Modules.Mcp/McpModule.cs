using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Mcp;

/// <summary>
/// Holds MCP servers with their tools, resources and prompts, and runs them: as a client of the MCP servers, within
/// what the operator allows (<c>LLMRING_MCP_*</c>). Needs <see cref="Shared.Contracts.IConversationOwnership"/>.
/// </summary>
public sealed class McpModule : IModule
{
    /// <inheritdoc/>
    public string Name => "mcp";

    /// <inheritdoc/>
    public string Description => "Holds MCP servers with their tools, resources and prompts, and runs them.";

    /// <inheritdoc/>
    public string? Schema => "mcp_client";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.ReadSettings<McpSettings>())
            .AddSingleton<ServerRepository>()
            .AddSingleton<OfferRepository>()
            .AddSingleton<ExecutionRepository>()
            .AddSingleton<ServerAddressRules>()
            .AddSingleton<OfferChanges>()
            .AddSingleton<McpMetrics>()
            .AddSingleton<McpConnections>()
            .AddSingleton<AuthConfigProtector>()
            .AddSingleton(ProjectBackfill.Of("mcp_client.servers", "mcp_client.tools", "mcp_client.resources", "mcp_client.prompts"))
            .AddHostedService<AuthConfigAdoption>()
            .AddHostedService<ConnectionUpkeep>();

        services.AddDataProtection().SetApplicationName("llmring-server");
        services.AddSingleton<DatabaseKeyRepository>()
            .AddOptions<KeyManagementOptions>()
            .Configure<DatabaseKeyRepository>((options, repository) => options.XmlRepository = repository);
    }
}
