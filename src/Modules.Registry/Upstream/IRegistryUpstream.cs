namespace LlmRing.Modules.Registry.Upstream;

/// <summary>The origin of the registry's files.</summary>
internal interface IRegistryUpstream
{
    /// <summary>Identifies the upstream: an entity tag of one upstream means nothing to another.</summary>
    string Source { get; }

    /// <summary>Requests one file. A failing upstream is an answer (<see cref="UpstreamAnswer.Failed"/>), never an exception.</summary>
    /// <param name="path">Path below the base URL, e.g. <c>openai/models.json</c>; callers build the path from validated names
    /// only.</param>
    /// <param name="known">The stored copy; the upstream sends the file again only if this copy is outdated.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    Task<UpstreamAnswer> FetchAsync(string path, UpstreamFile? known, CancellationToken cancellationToken);
}

/// <summary>The upstream's answer to the request for one file.</summary>
internal abstract record UpstreamAnswer
{
    /// <summary>The upstream sent the file.</summary>
    public sealed record Found(byte[] Body, string? ETag = null, string? LastModified = null) : UpstreamAnswer;

    /// <summary>The known copy is current.</summary>
    public sealed record Unchanged : UpstreamAnswer;

    /// <summary>The upstream has no such file.</summary>
    public sealed record Missing : UpstreamAnswer;

    /// <summary>The upstream is unreachable, too slow, or answered with an error.</summary>
    public sealed record Failed(string Reason) : UpstreamAnswer;
}
