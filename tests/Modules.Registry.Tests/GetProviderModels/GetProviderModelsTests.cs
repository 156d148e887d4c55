using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetProviderModels;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetProviderModelsTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.ClientWithKey(null);

    [Test]
    [Arguments("openai/models.json")]
    [Arguments("anthropic/models.json")]
    public async Task A_file_is_served_byte_for_byte_as_the_upstream_sent_it(string path)
    {
        var answer = await _client.GetAsync($"/registry/{path}");
        var again = await _client.GetAsync($"/registry/{path}", ("If-None-Match", answer.Headers["ETag"]));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo(RegistryFiles.All[path]);
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=3600");
        await Assert.That(again.Status).IsEqualTo(304);
    }

    [Test]
    [Arguments("mistral")]
    [Arguments("OpenAI")]
    [Arguments("..%2f..%2fetc")]
    [Arguments("..%5c..%5cetc")]
    [Arguments("%252e%252e")]
    [Arguments("openai%2fv%2f6")]
    [Arguments("openai%0a")]
    [Arguments("openai%20")]
    [Arguments("%ff%fe")]
    public async Task A_name_that_the_manifest_lacks_is_404_and_never_reaches_the_upstream(string provider)
    {
        await _client.GetAsync("/registry");
        var asked = server.Upstream.Requests.Keys.Order().ToList();

        var answer = await _client.GetAsync($"/registry/{provider}/models.json");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That(server.Upstream.Requests.Keys.Where(path => !path.Contains("/v/", StringComparison.Ordinal)).Order())
            .IsEquivalentTo(asked.Where(path => !path.Contains("/v/", StringComparison.Ordinal)));
    }

    [Test]
    public async Task A_name_with_NUL_is_refused()
    {
        var answer = await _client.GetAsync("/registry/open%00ai/models.json");

        await Assert.That(answer.Status).IsEqualTo(400);
    }

    public void Dispose() => _client.Dispose();
}
