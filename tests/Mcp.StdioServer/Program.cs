using System.ComponentModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol.Server;

// A small MCP server over stdio, for tests.
var builder = Host.CreateEmptyApplicationBuilder(null);
builder.Services.AddMcpServer().WithStdioServerTransport().WithTools<StdioTools>();
await builder.Build().RunAsync();

/// <summary>The tools of the server.</summary>
internal sealed class StdioTools
{
    [McpServerTool(Name = "variables"), Description("The names of its environment variables")]
    public static string Variables() => string.Join(",", Environment.GetEnvironmentVariables().Keys.Cast<string>().Order());

    [McpServerTool(Name = "arguments"), Description("The arguments of its process")]
    public static string Arguments() => string.Join("|", Environment.GetCommandLineArgs().Skip(1));

    [McpServerTool(Name = "exit"), Description("Ends its process")]
    public static string Exit()
    {
        Environment.Exit(3);
        return "";
    }
}
