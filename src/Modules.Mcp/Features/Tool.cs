using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>A tool of an MCP server as the API shows it.</summary>
internal sealed record Tool
{
    public Guid Id { get; init; }

    /// <summary>Null for an adopted tool that referred to a server of another owner.</summary>
    public Guid? ServerId { get; init; }

    public string Name { get; init; } = "";
    public string? Description { get; init; }

    /// <summary>A JSON Schema.</summary>
    public RawJson InputSchema { get; init; }

    /// <summary>The whole definition as the MCP server or a client gave it; null before the next refresh stores one.</summary>
    public RawJson? Definition { get; init; }

    public bool IsActive { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public ServerTarget? Server { get; init; }
}
