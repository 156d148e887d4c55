using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Errors;

/// <summary>
/// Writes the errors of endpoints whose protocol prescribes another body than <c>{"detail": "…"}</c>. As metadata of an endpoint
/// (<c>Options(route => route.WithMetadata(format))</c>) it writes all of them, also those of authentication, limits and exceptions.
/// </summary>
public interface IErrorFormat
{
    /// <summary>Sets the status and writes the body.</summary>
    /// <param name="context">The request; headers such as <c>Retry-After</c> are set already.</param>
    /// <param name="status">HTTP status, 400 to 599. The protocol may prescribe another one for the same reason.</param>
    /// <param name="detail">The reason, for people.</param>
    /// <param name="cancellationToken">Ends the write.</param>
    Task WriteAsync(HttpContext context, int status, string detail, CancellationToken cancellationToken);
}
