using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The features of a server in the shapes of MCP, as the server lists them or a client reports them.</summary>
/// <param name="Tools">Null: not discovered, the stored ones stay.</param>
/// <param name="Resources">Null: not discovered, the stored ones stay.</param>
/// <param name="Prompts">Null: not discovered, the stored ones stay.</param>
internal sealed record DiscoveredFeatures(
    IReadOnlyList<DiscoveredTool>? Tools,
    IReadOnlyList<DiscoveredResource>? Resources,
    IReadOnlyList<DiscoveredPrompt>? Prompts)
{
    /// <summary>How many tools, resources or prompts of one server are stored, each.</summary>
    public const int MaxPerKind = 10_000;
}

internal sealed record DiscoveredTool
{
    public string? Name { get; init; }
    public string? Description { get; init; }

    /// <summary>MCP names the member in camelCase; clients also send the snake_case name that this API answers with.</summary>
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
