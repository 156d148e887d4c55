using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace LlmRing.Testing;

/// <summary>An HTTP client that sends JSON with an API key and does not follow redirects.</summary>
public sealed class ApiClient : IDisposable
{
    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly HttpClient _http;

    public ApiClient(Uri address, string? key)
    {
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = address };
        Key = key;
        if (key is not null)
            _http.DefaultRequestHeaders.Add("X-API-Key", key);
    }

    /// <summary>The API key in <c>X-API-Key</c>; null: no such header is sent.</summary>
    public string? Key { get; }

    public Task<ApiResponse> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    /// <summary>The pages of a list, read with the cursors in <c>X-Next-Cursor</c>.</summary>
    /// <param name="path">Path and query of the first page.</param>
    public async Task<IReadOnlyList<ApiResponse>> GetPagesAsync(string path)
    {
        var pages = new List<ApiResponse> { await GetAsync(path) };
        while (pages[^1].Headers.TryGetValue("X-Next-Cursor", out var cursor))
            pages.Add(await GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}cursor={cursor}"));
        return pages;
    }

    public Task<ApiResponse> DeleteAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Delete, path, null, headers);

    /// <param name="path">Path and query.</param>
    /// <param name="body">Serialized in snake_case; a string is sent unchanged.</param>
    /// <param name="headers">Additional headers; a content header replaces the default.</param>
    public Task<ApiResponse> PostAsync(string path, object? body = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Post, path, body, headers);

    /// <inheritdoc cref="PostAsync"/>
    public Task<ApiResponse> PutAsync(string path, object? body = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Put, path, body, headers);

    /// <inheritdoc cref="PostAsync"/>
    public Task<ApiResponse> PatchAsync(string path, object? body = null, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Patch, path, body, headers);

    public async Task<ApiResponse> SendAsync(HttpMethod method, string path, object? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body, SnakeCase), Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            // Like curl: without "Expect: 100-continue" the server may close the connection while the body is sent, and its answer is lost.
            request.Headers.ExpectContinue = request.Content.Headers.ContentLength > 1024 * 1024;
        }

        foreach (var (name, value) in headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var response = await _http.SendAsync(request);
        return new ApiResponse(
            (int)response.StatusCode,
            await response.Content.ReadAsStringAsync(),
            response.Headers.Concat(response.Content.Headers).ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }

    public void Dispose() => _http.Dispose();
}

/// <summary>An HTTP response, read to its end.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Text">The body as it came.</param>
/// <param name="Headers">All headers, by name in any case.</param>
public sealed record ApiResponse(int Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>The body as JSON.</summary>
    public JsonNode Json => JsonNode.Parse(Text)!;

    /// <summary>A member of the body.</summary>
    public JsonNode? this[string member] => Json[member];
}
