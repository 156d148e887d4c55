namespace LlmRing.Modules.Registry.Upstream;

/// <summary>Where documents of the registry come from.</summary>
internal interface IRegistryUpstream
{
    /// <summary>Which upstream this is: documents of another one are no proof that this one has not changed.</summary>
    string Source { get; }

    /// <summary>Asks for one document; never throws for what is wrong with the upstream.</summary>
    /// <param name="path">Path below the base, e.g. <c>openai/models.json</c>; made of checked names only.</param>
    /// <param name="known">The copy at hand; it is not sent again if it is still the current one.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<UpstreamAnswer> FetchAsync(string path, UpstreamFile? known, CancellationToken cancellationToken);
}

/// <summary>What the upstream said about a document.</summary>
internal abstract record UpstreamAnswer
{
    /// <summary>Here it is.</summary>
    public sealed record Found(byte[] Body, string? ETag = null, string? LastModified = null) : UpstreamAnswer;

    /// <summary>The known copy is current.</summary>
    public sealed record Unchanged : UpstreamAnswer;

    /// <summary>There is no such document.</summary>
    public sealed record Missing : UpstreamAnswer;

    /// <summary>It could not be asked.</summary>
    public sealed record Failed(string Reason) : UpstreamAnswer;
}
