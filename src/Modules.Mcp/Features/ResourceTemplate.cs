using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>A template of resource URIs of an MCP server as the API shows it.</summary>
internal sealed record ResourceTemplate
{
    public Guid Id { get; init; }

    /// <inheritdoc cref="Tool.ServerId"/>
    public Guid? ServerId { get; init; }

    /// <summary>A template of RFC 6570, e.g. <c>file:///{path}</c>.</summary>
    public string UriTemplate { get; init; } = "";

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
