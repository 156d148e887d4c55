using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetProviderVersion;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetProviderVersionTests(PostgresFixture postgres)
{
    [Test]
    public async Task An_archived_version_is_asked_for_once_and_kept_for_ever()
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        var answer = await host.Client.GetAsync("/registry/openai/v/6/models.json");
        await host.Client.GetAsync("/registry/openai/v/6/models.json");
        await host.Upstream.StopAsync();
        await host.RestartAsync();
        var kept = await host.Client.GetAsync("/registry/openai/v/6/models.json");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo(RegistryFiles.All["openai/v/6/models.json"]);
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=31536000, immutable");
        await Assert.That(kept.Text).IsEqualTo(answer.Text);
        await Assert.That(host.Upstream.Requests["openai/v/6/models.json"]).IsEqualTo(1);
    }

    [Test]
    [Arguments("openai/v/8", 404)]
    [Arguments("openai/v/0", 404)]
    [Arguments("openai/v/-1", 404)]
    [Arguments("openai/v/2147483647", 404)]
    [Arguments("openai/v/2147483648", 422)]
    [Arguments("openai/v/99999999999999999999999999", 422)]
    [Arguments("openai/v/6.0", 422)]
    [Arguments("openai/v/..%2f..%2f6", 422)]
    [Arguments("mistral/v/1", 404)]
    [Arguments("..%2fopenai/v/6", 404)]
    public async Task What_cannot_be_in_the_archive_is_not_asked_for(string version, int status)
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        var answer = await host.Client.GetAsync($"/registry/{version}/models.json");

        await Assert.That(answer.Status).IsEqualTo(status);
        await Assert.That(host.Upstream.Requests.Keys.Any(path => path.Contains("/v/", StringComparison.Ordinal))).IsFalse();
    }

    [Test]
    public async Task A_version_that_the_archive_lacks_is_unknown()
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        for (var repeat = 0; repeat < 3; repeat++)
            await Assert.That((await host.Client.GetAsync("/registry/openai/v/5/models.json")).Status).IsEqualTo(404);

        await Assert.That(host.Upstream.Requests["openai/v/5/models.json"]).IsEqualTo(1);
    }

    [Test]
    public async Task Without_the_upstream_a_version_that_was_never_had_is_503_and_not_404()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        var provider = await host.Client.GetAsync("/registry/openai/v/6/models.json");
        var merged = await host.Client.GetAsync("/registry/v/6/registry.json");

        await Assert.That(provider.Status).IsEqualTo(503);
        await Assert.That(merged.Status).IsEqualTo(503);
    }
}
