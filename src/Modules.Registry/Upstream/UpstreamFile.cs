namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A copy of one upstream document.</summary>
internal sealed record UpstreamFile
{
    public required string Path { get; init; }

    /// <summary>The upstream that it is from.</summary>
    public required string Source { get; init; }

    /// <summary>The bytes as the upstream sent them.</summary>
    public required byte[] Body { get; init; }

    public string? ETag { get; init; }

    public string? LastModified { get; init; }

    /// <summary>When these bytes were first seen.</summary>
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>When the upstream last said that they are current.</summary>
    public required DateTimeOffset CheckedAt { get; init; }
}
