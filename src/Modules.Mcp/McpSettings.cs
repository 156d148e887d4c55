using System.ComponentModel.DataAnnotations;
using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Mcp;

/// <summary>The settings <c>LLMRING_MCP_*</c>: the servers that callers may make this server connect to or start.</summary>
internal sealed record McpSettings
{
    /// <summary>Networks that are allowed although they are not public; null: none, or loopback in development.</summary>
    [Setting("MCP_ALLOWED_NETWORKS", "addresses or networks separated by commas, e.g. 192.168.0.0/16,127.0.0.1")]
    public IReadOnlyList<IPNetwork>? AllowedNetworks { get; init; }

    /// <summary>Command lines that stdio servers may be started with; a last <c>*</c> stands for any further arguments.</summary>
    [Setting("MCP_STDIO_COMMANDS", "command lines separated by commas, or a JSON array of them; a last * stands for any further arguments")]
    public IReadOnlyList<string> StdioCommands { get; init; } = [];

    /// <summary>Seconds that a request waits for an MCP server without progress, connecting and queueing included.</summary>
    [Setting("MCP_TIMEOUT", "a whole number of seconds from 1 to 3600")]
    [Range(1, 3600)]
    public int Timeout { get; init; } = 30;

    /// <summary>Seconds that a request waits for an MCP server that notifies of progress; never less than <see cref="Timeout"/>.</summary>
    [Setting("MCP_MAX_TIMEOUT", "a whole number of seconds from 1 to 3600")]
    [Range(1, 3600)]
    public int MaxTimeout { get; init; } = 600;
}
