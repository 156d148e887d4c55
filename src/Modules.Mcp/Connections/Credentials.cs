using System.Text;
using System.Text.Json;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>What authenticates this server to an MCP server.</summary>
/// <param name="Headers">The HTTP headers of each request.</param>
/// <param name="OAuth">The OAuth client whose access tokens are sent; null: none.</param>
internal sealed record Credentials(IReadOnlyDictionary<string, string> Headers, OAuthClient? OAuth = null)
{
    private const int MaxHeaders = 32;

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
            "BEARER" when TextOf(config, "token") is { } token => OfHeader("Authorization", $"Bearer {token}"),
            "HEADER" when TextOf(config, "name") is { Length: > 0 } name && TextOf(config, "value") is { } value => OfHeader(name, value),
            "HEADERS" when HeadersOf(config) is { Count: > 0 and <= MaxHeaders } headers => new Credentials(headers),
            "BASIC" when TextOf(config, "username") is { } user && TextOf(config, "password") is { } password =>
                OfHeader("Authorization", $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))}"),
            "OAUTH_CLIENT_CREDENTIALS" when OAuthClientOf(config) is { } client =>
                new Credentials(new Dictionary<string, string>(), client),
            "NONE" => null,
            _ => throw new McpFailureException(
                McpFailure.Refused,
                """The auth_config is not understood; accepted: {"type": "bearer", "token"}, {"type": "header", "name", "value"}, """
                + """{"type": "headers", "headers": {"NAME": "VALUE"}}, {"type": "basic", "username", "password"}, """
                + """{"type": "oauth_client_credentials", "token_url", "client_id", "client_secret", "scope"?, "resource"?}."""),
        };

        if (credentials is not null && !credentials.Headers.All(header => IsHeaderName(header.Key) && !header.Value.Any(char.IsControl)))
            throw new McpFailureException(McpFailure.Refused, "The auth_config makes a header that cannot be sent.");
        return credentials;
    }

    /// <summary>What is wrong with an <c>auth_config</c> that a caller sends; null where nothing is.</summary>
    public static string? FaultOf(JsonElement? authConfig)
    {
        try
        {
            Of(RawJson.Of(authConfig));
            return null;
        }
        catch (McpFailureException failure)
        {
            return failure.Message;
        }
    }

    /// <summary>Never the value: credentials must not get into a log.</summary>
    public override string ToString() => string.Join(", ", Headers.Keys);

    private static Credentials OfHeader(string name, string value) => new(new Dictionary<string, string> { [name] = value });

    private static Dictionary<string, string>? HeadersOf(JsonElement config)
    {
        if (!config.TryGetProperty("headers", out var members) || members.ValueKind is not JsonValueKind.Object)
            return null;
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var member in members.EnumerateObject())
        {
            if (member.Value.ValueKind is not JsonValueKind.String)
                return null;
            headers[member.Name] = member.Value.GetString()!;
        }

        return headers;
    }

    private static OAuthClient? OAuthClientOf(JsonElement config) =>
        TextOf(config, "client_id") is { Length: > 0 } id
        && TextOf(config, "client_secret") is { } secret
        && Uri.TryCreate(TextOf(config, "token_url"), UriKind.Absolute, out var url)
        && url is { Scheme: "https" or "http", Host.Length: > 0, UserInfo.Length: 0 }
        ? new OAuthClient(url, id, secret, TextOf(config, "scope"), TextOf(config, "resource"))
        : null;

    private static bool IsHeaderName(string name) =>
        name.Length > 0
        && name.All(character => char.IsAsciiLetterOrDigit(character) || "!#$%&'*+-.^_`|~".Contains(character))
        && !Reserved.Contains(name, StringComparer.OrdinalIgnoreCase);

    private static string? TextOf(JsonElement config, string name) =>
        config.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;
}

/// <summary>A client that gets access tokens by the OAuth client credentials grant (RFC 6749, section 4.4).</summary>
/// <param name="TokenUrl">The token endpoint.</param>
/// <param name="Id">The client identifier.</param>
/// <param name="Secret">The client secret.</param>
/// <param name="Scope">The scope to ask for; null: the default of the authorization server.</param>
/// <param name="Resource">The resource that the token is for (RFC 8707); null: none is named.</param>
internal sealed record OAuthClient(Uri TokenUrl, string Id, string Secret, string? Scope, string? Resource)
{
    /// <summary>Never the secret: credentials must not get into a log.</summary>
    public override string ToString() => Id;
}
