using FastEndpoints;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Shared.Errors;

namespace LlmRing.Modules.Registry.Archive;

/// <summary>Sends an <see cref="ArchivedContent"/>.</summary>
internal static class ArchiveResponses
{
    /// <summary>Sends the archived version, 404 if it does not exist, or 503 if it is unavailable.</summary>
    public static Task ArchivedAsync(this IResponseSender sender, ArchivedContent archived, CancellationToken cancellationToken) =>
        archived switch
        {
            { Content: { } content } => sender.ContentAsync(content, ContentResponses.CacheForever, cancellationToken),
            { IsUnavailable: true } => sender.UnavailableAsync(cancellationToken),
            _ => sender.NotFoundAsync("Registry version", cancellationToken),
        };
}
