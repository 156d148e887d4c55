using System.Text.Json.Serialization;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Storage;

/// <summary>An MCP server as the API shows it to its owner.</summary>
internal sealed record Server
{
    public Guid Id { get; init; }
    public string Name { get; init; } = "";
    public string Url { get; init; } = "";
    public TransportType TransportType { get; init; }

    /// <summary>The decrypted credentials; null where there are none, or where their key is lost.</summary>
    public RawJson? AuthConfig { get; init; }

    public RawJson? Capabilities { get; init; }
    public bool IsActive { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>When the server last answered; written at most once a minute.</summary>
    public DateTimeOffset? LastSeenAt { get; init; }

    /// <summary>Why the last request failed; null after a request that succeeded.</summary>
    public string? LastError { get; init; }

    public DateTimeOffset? LastErrorAt { get; init; }

    /// <summary>The revision of MCP that the last connection negotiated.</summary>
    public string? ProtocolVersion { get; init; }

    /// <summary>The credentials as the table holds them.</summary>
    [JsonIgnore]
    public string? AuthConfigProtected { get; init; }
}
