using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>A resource of an MCP server as the API shows it.</summary>
internal sealed record Resource
{
    public Guid Id { get; init; }

    /// <inheritdoc cref="Tool.ServerId"/>
    public Guid? ServerId { get; init; }

    public string Uri { get; init; } = "";
    public string? Name { get; init; }
    public string? Description { get; init; }
    public string? MimeType { get; init; }

    /// <summary>The whole definition as the MCP server or a client gave it; null before the next refresh stores one.</summary>
    public RawJson? Definition { get; init; }

    public bool IsActive { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public ServerTarget? Server { get; init; }
}
