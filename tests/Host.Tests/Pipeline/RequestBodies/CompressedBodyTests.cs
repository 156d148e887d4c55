using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline.RequestBodies;

/// <summary>A compressed body is read whole, or refused as one that cannot be read.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CompressedBodyTests(ServerFixture server)
{
    // More than the 8 KiB in which streams are read, and no text that compresses to a few bytes.
    private static readonly byte[] Body = Encoding.UTF8.GetBytes($$"""
        {"name": "{{string.Concat(Enumerable.Range(0, 40).Select(number => number * 7919 % 1000))}}",
         "system_prompt": "{{string.Concat(Enumerable.Range(0, 20_000).Select(number => $"{number * 7919L % 10_007} "))}}"}
        """);

    [Test]
    [Arguments("gzip")]
    [Arguments("br")]
    [Arguments("deflate")]
    public async Task A_compressed_body_is_read_whole(string encoding)
    {
        var (status, text) = await PostAsync(encoding, Compress(encoding, Body));

        await Assert.That(status).IsEqualTo(200);
        await Assert.That((string?)JsonNode.Parse(text)!["system_prompt"]).IsEqualTo((string?)JsonNode.Parse(Body)!["system_prompt"]);
    }

    [Test]
    public async Task A_gzip_body_may_have_several_members()
    {
        var (status, _) = await PostAsync("gzip", [.. Compress("gzip", Body[..5_000]), .. Compress("gzip", Body[5_000..])]);

        await Assert.That(status).IsEqualTo(200);
    }

    [Test]
    [Arguments("gzip")]
    [Arguments("br")]
    [Arguments("deflate")]
    public async Task A_body_that_is_not_compressed_as_it_says_is_400(string encoding) =>
        await AssertRefusedAsync(encoding, Encoding.UTF8.GetBytes("""[{"a": 1}]"""));

    [Test]
    [MatrixDataSource]
    public async Task A_compressed_body_that_ends_too_early_is_400(
        [Matrix("gzip", "br", "deflate")] string encoding, [Matrix(1, 6, 2_000)] int missing) =>
        await AssertRefusedAsync(encoding, Compress(encoding, Body)[..^missing]);

    [Test]
    [MatrixDataSource]
    public async Task Bytes_after_the_compressed_data_are_400(
        [Matrix("gzip", "br", "deflate")] string encoding, [Matrix(1, 2, 30_000)] int count) =>
        await AssertRefusedAsync(encoding, [.. Compress(encoding, Body), .. Enumerable.Repeat((byte)'x', count)]);

    private async Task AssertRefusedAsync(string encoding, byte[] body)
    {
        var (status, text) = await PostAsync(encoding, body);

        await Assert.That(status).IsEqualTo(400).Because(text);
        await Assert.That(text).IsEqualTo("""{"detail":"The body is not compressed as Content-Encoding says"}""");
    }

    private async Task<(int Status, string Text)> PostAsync(string encoding, byte[] body)
    {
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/templates") { Content = new ByteArrayContent(body) };
        request.Headers.Add("X-API-Key", $"key-{Guid.NewGuid():N}");
        request.Content.Headers.ContentType = new("application/json");
        request.Content.Headers.ContentEncoding.Add(encoding);
        using var response = await http.SendAsync(request);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static byte[] Compress(string encoding, byte[] body)
    {
        using var packed = new MemoryStream();
        using (Stream stream = encoding switch
        {
            "gzip" => new GZipStream(packed, CompressionLevel.Optimal),
            "br" => new BrotliStream(packed, CompressionLevel.Optimal),
            _ => new ZLibStream(packed, CompressionLevel.Optimal),
        })
        {
            stream.Write(body);
        }

        return packed.ToArray();
    }
}
