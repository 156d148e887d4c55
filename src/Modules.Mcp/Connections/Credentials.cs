using System.Text;
using System.Text.Json;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>The HTTP header that authenticates this server to an MCP server.</summary>
internal sealed record Credentials(string Header, string Value)
{
    // Headers of HTTP and MCP themselves: a caller must not change where or how a message is sent.
    private static readonly string[] Reserved =
    [
        "Host", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Upgrade", "Accept", "Mcp-Session-Id",
        "Mcp-Protocol-Version",
    ];

    /// <summary>Reads an <c>auth_config</c>.</summary>
    /// <returns>Null where there is none, where it is empty, and for the type <c>none</c>.</returns>
    /// <exception cref="McpFailureException">
    /// The type is unknown, or a member is missing. Without the header, the MCP server would answer an unexplained 401.
    /// </exception>
    public static Credentials? Of(RawJson? authConfig)
    {
        if (authConfig is null)
            return null;
        var config = JsonElement.Parse(authConfig.Value.Text);
        if (config.ValueKind is not JsonValueKind.Object || !config.EnumerateObject().Any())
            return null;

        var credentials = (TextOf(config, "type") ?? "bearer").ToUpperInvariant() switch
        {
            "BEARER" when TextOf(config, "token") is { } token => new Credentials("Authorization", $"Bearer {token}"),
            "HEADER" when TextOf(config, "name") is { Length: > 0 } name && TextOf(config, "value") is { } value =>
                new Credentials(name, value),
            "BASIC" when TextOf(config, "username") is { } user && TextOf(config, "password") is { } password =>
                new Credentials("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}"),
            "NONE" => null,
            _ => throw new McpFailureException(
                McpFailure.Refused,
                """The auth_config is not understood; accepted: {"type": "bearer", "token"}, """
                + """{"type": "header", "name", "value"}, {"type": "basic", "username", "password"}."""),
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

    private static string? TextOf(JsonElement config, string name) =>
        config.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
}
