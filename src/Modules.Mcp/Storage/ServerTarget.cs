using System.Text.Json.Serialization;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Mcp.Storage;

/// <summary>
/// The server of a tool, resource or prompt: the API shows the id, name and URL; the other members are what a connection needs,
/// and are not loaded for lists.
/// </summary>
internal sealed record ServerTarget
{
    public Guid Id { get; init; }
    public string Name { get; init; } = "";
    public string Url { get; init; } = "";

    [JsonIgnore]
    public TransportType TransportType { get; init; }

    /// <summary>The encrypted credentials; decrypted when a connection opens.</summary>
    [JsonIgnore]
    public string? AuthConfigProtected { get; init; }

    [JsonIgnore]
    public bool IsActive { get; init; }

    /// <summary>Increases with every change of the server, so that hosts notice that their connection is outdated.</summary>
    [JsonIgnore]
    public int ConnectionVersion { get; init; }

    [JsonIgnore]
    public string? ApiKeyId { get; init; }

    [JsonIgnore]
    public Guid? ProjectId { get; init; }

    /// <summary>The scope of the server's owner.</summary>
    [JsonIgnore]
    public Scope Owner => ApiKeyId is null ? Scope.OfProject(ProjectId!.Value) : Scope.OfApiKey(ApiKeyId, ProjectId);
}
