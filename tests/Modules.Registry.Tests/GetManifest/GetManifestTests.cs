using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetManifest;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetManifestTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.ClientWithKey(null);

    [Test]
    public async Task The_manifest_is_served_byte_for_byte_as_the_upstream_sent_it()
    {
        var answer = await _client.GetAsync("/registry/manifest.json");
        var again = await _client.GetAsync("/registry/manifest.json", ("If-None-Match", answer.Headers["ETag"]));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo(RegistryFiles.All["manifest.json"]);
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=3600");
        await Assert.That(again.Status).IsEqualTo(304);
    }

    public void Dispose() => _client.Dispose();
}
