using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Secrets;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Mcp;

/// <summary>
/// Stores MCP servers with their tools, resources and prompts, and calls the servers as an MCP client, within the limits that the
/// operator sets (<c>LLMRING_MCP_*</c>). Needs <see cref="Shared.Contracts.IConversationOwnership"/>.
/// </summary>
public sealed class McpModule : IModule
{
    /// <inheritdoc/>
    public string Name => "mcp";

    /// <inheritdoc/>
    public string Description => "Stores MCP servers with their tools, resources and prompts, and calls them.";

    /// <inheritdoc/>
    public string? Schema => "mcp_client";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.ReadSettings<McpSettings>())
            .AddSingleton<ServerRepository>()
            .AddSingleton<ToolRepository>()
            .AddSingleton<ResourceRepository>()
            .AddSingleton<ResourceTemplateRepository>()
            .AddSingleton<PromptRepository>()
            .AddSingleton<ServerFeatureRepository>()
            .AddSingleton<ExecutionRepository>()
            .AddSingleton<ServerAddressRules>()
            .AddSingleton<ListChangedQueue>()
            .AddSingleton<McpMetrics>()
            .AddSingleton<ServerHealthRecorder>()
            .AddSingleton<AnswerMemory>()
            .AddSingleton<McpConnectionPool>()
            .AddSingleton<McpGateway>()
            .AddSingleton<AuthConfigProtector>()
            .AddSingleton(ProjectBackfill.Of(
                "mcp_client.servers",
                "mcp_client.tools",
                "mcp_client.resources",
                "mcp_client.resource_templates",
                "mcp_client.prompts"))
            .AddHostedService<AuthConfigAdoption>()
            .AddHostedService<ConnectionMaintenance>();

        services.AddDataProtection().SetApplicationName("llmring-server");
        services.AddSingleton<DatabaseKeyRepository>()
            .AddOptions<KeyManagementOptions>()
            .Configure<DatabaseKeyRepository>((options, repository) => options.XmlRepository = repository);
    }
}
