using System.Text.Json;
using System.Text.Json.Serialization;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The features of a server in the shapes of MCP, as the server lists them or a client reports them.</summary>
/// <param name="Tools">Null: not discovered, the stored ones stay.</param>
/// <param name="Resources">Null: not discovered, the stored ones stay.</param>
/// <param name="ResourceTemplates">Null: not discovered, the stored ones stay.</param>
/// <param name="Prompts">Null: not discovered, the stored ones stay.</param>
internal sealed record DiscoveredFeatures(
    IReadOnlyList<DiscoveredTool>? Tools,
    IReadOnlyList<DiscoveredResource>? Resources,
    IReadOnlyList<DiscoveredResourceTemplate>? ResourceTemplates,
    IReadOnlyList<DiscoveredPrompt>? Prompts)
{
    /// <summary>How many tools, resources, resource templates or prompts of one server are stored, each.</summary>
    public const int MaxPerKind = 10_000;
}

/// <summary>A feature with all of its members, also those that this version of the server does not know.</summary>
internal abstract record DiscoveredFeature
{
    private static readonly JsonSerializerOptions DefinitionOptions = new(JsonConventions.Options)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    public string? Name { get; init; }
    public string? Description { get; init; }

    /// <summary>Members such as <c>title</c>, <c>annotations</c>, <c>icons</c> and <c>_meta</c>.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? MoreMembers { get; init; }

    /// <summary>The whole definition as JSON.</summary>
    public string ToDefinition() => JsonSerializer.Serialize(this, GetType(), DefinitionOptions);
}

internal sealed record DiscoveredTool : DiscoveredFeature
{
    /// <summary>MCP names the member in camelCase; clients also send the snake_case name that this API answers with.</summary>
    [JsonPropertyName("inputSchema")]
    public JsonElement? InputSchema { get; init; }

    [JsonPropertyName("input_schema")]
    public JsonElement? StoredInputSchema { get; init; }
}

internal sealed record DiscoveredResource : DiscoveredFeature
{
    public string? Uri { get; init; }

    /// <inheritdoc cref="DiscoveredTool.InputSchema"/>
    [JsonPropertyName("mimeType")]
    public string? MimeType { get; init; }

    [JsonPropertyName("mime_type")]
    public string? StoredMimeType { get; init; }
}

internal sealed record DiscoveredResourceTemplate : DiscoveredFeature
{
    /// <inheritdoc cref="DiscoveredTool.InputSchema"/>
    [JsonPropertyName("uriTemplate")]
    public string? UriTemplate { get; init; }

    [JsonPropertyName("uri_template")]
    public string? StoredUriTemplate { get; init; }

    [JsonPropertyName("mimeType")]
    public string? MimeType { get; init; }

    [JsonPropertyName("mime_type")]
    public string? StoredMimeType { get; init; }
}

internal sealed record DiscoveredPrompt : DiscoveredFeature
{
    public JsonElement? Arguments { get; init; }
}
