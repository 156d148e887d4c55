using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>How a server is spoken to.</summary>
internal enum TransportType
{
    Http,
    Sse,
    Websocket,
    Stdio,
}

/// <summary>An MCP server as its owner sees it.</summary>
internal sealed record Server
{
    public Guid Id { get; init; }

    public string Name { get; init; } = "";

    public string Url { get; init; } = "";

    public TransportType TransportType { get; init; }

    public JsonElement? AuthConfig { get; init; }

    public JsonElement? Capabilities { get; init; }

    public bool IsActive { get; init; }

    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When it last answered.</summary>
    public DateTimeOffset? LastSeenAt { get; init; }

    /// <summary>Why it last failed; null once it answered again.</summary>
    public string? LastError { get; init; }

    public DateTimeOffset? LastErrorAt { get; init; }

    /// <summary>The MCP revision it last agreed to.</summary>
    public string? ProtocolVersion { get; init; }

    /// <summary>Counts changes of what a connection depends on.</summary>
    [JsonIgnore]
    public int ConnectionVersion { get; init; }
}

/// <summary>The server of a tool, resource or prompt, in short.</summary>
internal sealed record ServerSummary(Guid Id, string Name, string Url);

internal sealed record Tool
{
    public Guid Id { get; init; }

    /// <summary>Null where an adopted row stood on a server of another owner.</summary>
    public Guid? ServerId { get; init; }

    public string Name { get; init; } = "";

    public string? Description { get; init; }

    public JsonElement InputSchema { get; init; }

    public bool IsActive { get; init; }

    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public ServerSummary? Server { get; init; }
}

internal sealed record Resource
{
    public Guid Id { get; init; }

    public Guid? ServerId { get; init; }

    public string Uri { get; init; } = "";

    public string? Name { get; init; }

    public string? Description { get; init; }

    public string? MimeType { get; init; }

    public bool IsActive { get; init; }

    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public ServerSummary? Server { get; init; }
}

internal sealed record Prompt
{
    public Guid Id { get; init; }

    public Guid? ServerId { get; init; }

    public string Name { get; init; } = "";

    public string? Description { get; init; }

    /// <summary>As sent: MCP sends an array.</summary>
    public JsonElement? Arguments { get; init; }

    public bool IsActive { get; init; }

    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public ServerSummary? Server { get; init; }
}

/// <summary>One run of a tool, wherever it ran.</summary>
internal sealed record Execution
{
    public Guid Id { get; init; }

    public Guid ToolId { get; init; }

    public Guid? ConversationId { get; init; }

    public JsonElement? Input { get; init; }

    public JsonElement? Output { get; init; }

    public string? Error { get; init; }

    public int? DurationMs { get; init; }

    public DateTimeOffset ExecutedAt { get; init; }
}

/// <summary>What a server offers, in the shapes of MCP.</summary>
internal sealed record Discovery(
    IReadOnlyList<DiscoveredTool>? Tools,
    IReadOnlyList<DiscoveredResource>? Resources,
    IReadOnlyList<DiscoveredPrompt>? Prompts);

internal sealed record DiscoveredTool
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>MCP writes it in camelCase; clients also send it the way this API answers.</summary>
    [JsonPropertyName("inputSchema")]
    public JsonElement? InputSchema { get; init; }

    [JsonPropertyName("input_schema")]
    public JsonElement? StoredInputSchema { get; init; }
}

internal sealed record DiscoveredResource
{
    public string? Uri { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <inheritdoc cref="DiscoveredTool.InputSchema"/>
    [JsonPropertyName("mimeType")]
    public string? MimeType { get; init; }

    [JsonPropertyName("mime_type")]
    public string? StoredMimeType { get; init; }
}

internal sealed record DiscoveredPrompt
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public JsonElement? Arguments { get; init; }
}
