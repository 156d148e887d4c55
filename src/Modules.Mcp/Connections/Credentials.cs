using System.Text;
using System.Text.Json;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>The header by which this server is known to an MCP server.</summary>
internal sealed record Credentials(string Header, string Value)
{
    // What HTTP itself speaks through; a caller's header must not change where or how a message goes.
    private static readonly string[] Reserved = ["Host", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Upgrade", "Accept", "Mcp-Session-Id", "Mcp-Protocol-Version"];

    /// <summary>Reads an <c>auth_config</c>; none, an empty one and the type <c>none</c> mean no credentials.</summary>
    /// <exception cref="McpFailureException">It is not understood; sent without, the MCP server would only say 401.</exception>
    public static Credentials? Of(JsonElement? authConfig)
    {
        if (authConfig is not { ValueKind: JsonValueKind.Object } config || !config.EnumerateObject().Any())
            return null;

        var credentials = (Text(config, "type") ?? "bearer").ToUpperInvariant() switch
        {
            "BEARER" when Text(config, "token") is { } token => new Credentials("Authorization", $"Bearer {token}"),
            "HEADER" when Text(config, "name") is { Length: > 0 } name && Text(config, "value") is { } value => new Credentials(name, value),
            "BASIC" when Text(config, "username") is { } user && Text(config, "password") is { } password =>
                new Credentials("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}"),
            "NONE" => null,
            _ => throw new McpFailureException(
                McpFailure.Refused,
                "The auth_config is not understood; accepted: {\"type\": \"bearer\", \"token\"}, {\"type\": \"header\", \"name\", \"value\"}, {\"type\": \"basic\", \"username\", \"password\"}."),
        };

        if (credentials is not null && (!IsHeaderName(credentials.Header) || credentials.Value.Any(char.IsControl)))
            throw new McpFailureException(McpFailure.Refused, "The auth_config makes a header that cannot be sent.");
        return credentials;
    }

    /// <summary>Never the value: credentials must not get into a log.</summary>
    public override string ToString() => Header;

    private static bool IsHeaderName(string name) =>
        name.All(character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character))
        && !Reserved.Contains(name, StringComparer.OrdinalIgnoreCase);

    private static string? Text(JsonElement config, string name) =>
        config.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
}
