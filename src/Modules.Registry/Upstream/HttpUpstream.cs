using System.Net;
using Polly;

namespace LlmRing.Modules.Registry.Upstream;

/// <summary>A registry behind an http or https URL, fetched with conditional requests.</summary>
internal sealed class HttpUpstream(IHttpClientFactory clients, RegistrySettings settings) : IRegistryUpstream
{
    /// <summary>Name of the client in <see cref="IHttpClientFactory"/>.</summary>
    public const string ClientName = "registry-upstream";

    /// <summary>A hundred times the size of the largest file today (150 KB), and small enough for memory.</summary>
    public const int MaxDocumentBytes = 16 * 1024 * 1024;

    public string Source { get; } = settings.BaseUrl.AbsoluteUri.TrimEnd('/') + '/';

    public async Task<UpstreamAnswer> FetchAsync(string path, UpstreamFile? known, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Source + path);
        if (known?.Source == Source)
        {
            if (known.ETag is not null)
                request.Headers.TryAddWithoutValidation("If-None-Match", known.ETag);
            if (known.LastModified is not null)
                request.Headers.TryAddWithoutValidation("If-Modified-Since", known.LastModified);
        }

        try
        {
            using var client = clients.CreateClient(ClientName);
            using var response = await client.SendAsync(request, cancellationToken);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => new UpstreamAnswer.Found(
                    await response.Content.ReadAsByteArrayAsync(cancellationToken),
                    response.Headers.ETag?.ToString(),
                    response.Content.Headers.LastModified?.ToString("R")),
                HttpStatusCode.NotModified when known is not null => new UpstreamAnswer.Unchanged(),
                HttpStatusCode.NotFound or HttpStatusCode.Gone => new UpstreamAnswer.Missing(),
                var status => new UpstreamAnswer.Failed($"the answer was status {(int)status}"),
            };
        }
        catch (Exception exception) when (exception is HttpRequestException or ExecutionRejectedException or OperationCanceledException)
        {
            return new UpstreamAnswer.Failed(exception is OperationCanceledException ? "the request timed out" : exception.Message);
        }
    }
}
