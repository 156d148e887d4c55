using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetRegistryVersion;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetRegistryVersionTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.ClientWithKey(null);

    [Test]
    public async Task An_archived_version_has_the_models_of_all_providers_that_have_the_version()
    {
        await using var host = await RegistryHost.StartAsync(server.Postgres);
        host.Upstream.Files["google/models.json"] = RegistryFiles.Provider(
            "google", 6, RegistryFiles.Model("google", "gemini-3", 1m, 2m, "{}"));
        host.Upstream.Files["google/v/6/models.json"] = host.Upstream.Files["google/models.json"];

        var answer = await host.GetUntilAsync("/registry/v/6/registry.json", answer => answer.Status == 200);
        var again = await host.Client.GetAsync("/registry/v/6/registry.json", ("If-None-Match", answer.Headers["ETag"]));

        await Assert.That((string?)answer["version"]).IsEqualTo("6");
        await Assert.That((decimal)answer["models"]!["openai:gpt-4.1"]!["dollars_per_million_tokens_input"]!).IsEqualTo(3m);
        await Assert.That((string?)answer["providers"]!["openai"]!["name"]).IsEqualTo("OpenAI");
        await Assert.That(answer["providers"]!.AsObject().ContainsKey("anthropic")).IsFalse();
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=31536000, immutable");
        await Assert.That(again.Status).IsEqualTo(304);
    }

    [Test]
    [Arguments("5", 404)]
    [Arguments("77", 404)]
    [Arguments("0", 404)]
    [Arguments("99999999999999", 422)]
    [Arguments("2026-01-02", 422)]
    [Arguments("..%2f..%2f", 422)]
    public async Task A_version_that_no_provider_has_is_404_and_an_invalid_one_422(string version, int status)
    {
        var answer = await _client.GetAsync($"/registry/v/{version}/registry.json");

        await Assert.That(answer.Status).IsEqualTo(status);
    }

    public void Dispose() => _client.Dispose();
}
