using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>A prompt of an MCP server as the API shows it.</summary>
internal sealed record Prompt
{
    public Guid Id { get; init; }

    /// <inheritdoc cref="Tool.ServerId"/>
    public Guid? ServerId { get; init; }

    public string Name { get; init; } = "";
    public string? Description { get; init; }

    /// <summary>The arguments that the prompt takes; MCP describes them by an array, clients may store any JSON.</summary>
    public RawJson? Arguments { get; init; }

    /// <summary>The whole definition as the MCP server or a client gave it; null before the next refresh stores one.</summary>
    public RawJson? Definition { get; init; }

    public bool IsActive { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public ServerTarget? Server { get; init; }
}
