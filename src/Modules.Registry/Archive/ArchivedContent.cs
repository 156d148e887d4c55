using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Upstream;

namespace LlmRing.Modules.Registry.Archive;

/// <summary>The result of a look into the archive.</summary>
/// <param name="Content">The archived version; null when it does not exist or is unavailable.</param>
/// <param name="File">The same, parsed, where the version is of one provider's file.</param>
/// <param name="IsUnavailable">Whether the upstream did not answer, so that nothing is known about the version.</param>
internal sealed record ArchivedContent(PrecompressedContent? Content, ProviderFile? File = null, bool IsUnavailable = false)
{
    /// <summary>The version does not exist.</summary>
    public static readonly ArchivedContent NotFound = new(Content: null);

    /// <summary>The upstream did not answer and there is no copy.</summary>
    public static readonly ArchivedContent Unavailable = new(Content: null, IsUnavailable: true);

    /// <summary>An archived version of one provider's file.</summary>
    public static ArchivedContent Of(ProviderFile file) => new(new PrecompressedContent(file.Body), file);
}
