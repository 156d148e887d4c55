namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A stored copy of one file of the upstream, as in a row of <c>registry_documents</c>.</summary>
internal sealed record UpstreamFile
{
    /// <summary>Path below the upstream's base URL, e.g. <c>openai/models.json</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The <see cref="IRegistryUpstream.Source"/> that sent the file.</summary>
    public required string Source { get; init; }

    /// <summary>The bytes as the upstream sent them.</summary>
    public required byte[] Body { get; init; }

    /// <summary>The upstream's entity tag, for the next conditional request.</summary>
    public string? ETag { get; init; }

    /// <summary>The upstream's <c>Last-Modified</c>, for the next conditional request.</summary>
    public string? LastModified { get; init; }

    /// <summary>When this server first received these bytes; UTC.</summary>
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>When the upstream last confirmed these bytes; UTC.</summary>
    public required DateTimeOffset CheckedAt { get; init; }
}

/// <summary>A stored copy together with its parsed content, so that each file is parsed once.</summary>
/// <param name="File">The copy.</param>
/// <param name="Content">The parsed body of the copy.</param>
internal sealed record ParsedFile<T>(UpstreamFile File, T Content)
    where T : class;
