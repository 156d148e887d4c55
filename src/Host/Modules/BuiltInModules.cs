using System.Reflection;
using LlmRing.Modules.Conversations;
using LlmRing.Modules.Dashboard;
using LlmRing.Modules.Mcp;
using LlmRing.Modules.Otlp;
using LlmRing.Modules.Registry;
using LlmRing.Modules.Templates;
using LlmRing.Modules.Usage;

namespace LlmRing.Host.Modules;

/// <summary>The modules that come with the server.</summary>
internal static class BuiltInModules
{
    public static IReadOnlyList<Assembly> Assemblies { get; } =
    [
        typeof(ConversationsModule).Assembly,
        typeof(DashboardModule).Assembly,
        typeof(McpModule).Assembly,
        typeof(OtlpModule).Assembly,
        typeof(RegistryModule).Assembly,
        typeof(TemplatesModule).Assembly,
        typeof(UsageModule).Assembly,
    ];
}
