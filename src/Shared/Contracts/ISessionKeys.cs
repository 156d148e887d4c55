using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Contracts;

/// <summary>
/// Finds the API key behind a browser's session; the module Dashboard implements it. The host then checks the key as if the request had
/// sent it in <c>X-API-Key</c>.
/// </summary>
public interface ISessionKeys
{
    /// <summary>Finds the key that a request without any key means.</summary>
    /// <param name="context">The request, with its endpoint known.</param>
    /// <param name="cancellationToken">Abandons the look-up.</param>
    /// <returns>The key; null: the request belongs to no session.</returns>
    ValueTask<string?> FindKeyAsync(HttpContext context, CancellationToken cancellationToken);
}

/// <summary>Stands in for the module Dashboard where it is off: no request belongs to a session.</summary>
internal sealed class NoSessionKeys : ISessionKeys
{
    public ValueTask<string?> FindKeyAsync(HttpContext context, CancellationToken cancellationToken) => new((string?)null);
}
