using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests;

/// <summary>Exports to a server and reads what it stored.</summary>
public sealed class OtlpClient(Uri address, string key) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = address };
    private readonly ApiClient _api = new(address, key);

    public static string NewKey() => $"key-{Guid.NewGuid():N}";

    /// <summary>Exports JSON.</summary>
    public Task<OtlpResponse> ExportAsync(JsonNode body, bool gzip = false, string path = "/v1/traces") =>
        ExportAsync(Encoding.UTF8.GetBytes(body.ToJsonString()), "application/json", gzip, path);

    /// <summary>Exports a body of any type.</summary>
    public async Task<OtlpResponse> ExportAsync(byte[] body, string type, bool gzip = false, string path = "/v1/traces", string keyHeader = "x-api-key")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(gzip ? Compress(body) : body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (gzip)
            request.Content.Headers.ContentEncoding.Add("gzip");
        if (keyHeader.Length > 0)
            request.Headers.TryAddWithoutValidation(keyHeader, keyHeader is "Authorization" ? $"Bearer {key}" : key);
        request.Headers.ExpectContinue = body.Length > 1024 * 1024;
        using var response = await _http.SendAsync(request);
        return new OtlpResponse(
            (int)response.StatusCode,
            response.Content.Headers.ContentType?.MediaType,
            await response.Content.ReadAsByteArrayAsync(),
            response.Headers.RetryAfter?.ToString());
    }

    /// <summary>The stored usages, newest first.</summary>
    public async Task<IReadOnlyList<JsonObject>> ReadUsagesAsync() =>
        [.. (await _api.GetAsync("/api/v1/logs?limit=500")).Json.AsArray().Select(row => row!.AsObject())];

    /// <summary>The sums of the statistics: requests, cost, and input and output tokens together.</summary>
    public async Task<(int Requests, decimal Cost, long Tokens)> ReadTotalsAsync()
    {
        var summary = (await _api.GetAsync("/api/v1/stats"))["summary"]!;
        return (
            (int)summary["total_requests"]!,
            decimal.Parse((string)summary["total_cost"]!, System.Globalization.CultureInfo.InvariantCulture),
            (long)summary["total_tokens"]!);
    }

    public void Dispose()
    {
        _http.Dispose();
        _api.Dispose();
    }

    private static byte[] Compress(byte[] body)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest))
            gzip.Write(body);
        return compressed.ToArray();
    }
}

/// <summary>An answer of the receiver.</summary>
public sealed record OtlpResponse(int Status, string? Type, byte[] Body, string? RetryAfter)
{
    public string Text => Encoding.UTF8.GetString(Body);
}
