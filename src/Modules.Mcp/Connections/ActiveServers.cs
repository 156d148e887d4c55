using LlmRing.Modules.Mcp.Storage;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>The check that execute, render, content and refresh make before they serve a request.</summary>
internal static class ActiveServers
{
    /// <returns>The server.</returns>
    /// <exception cref="McpFailureException">There is no server, or its owner has switched it off.</exception>
    public static ServerTarget RequireActive(this ServerTarget? server) => server switch
    {
        null => throw new McpFailureException(McpFailure.NoServer, "Server not found"),
        { IsActive: false } => throw new McpFailureException(McpFailure.Inactive, "The server is not active"),
        _ => server,
    };
}
