using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetProviderVersion;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetProviderVersionTests(PostgresFixture postgres)
{
    [Test]
    public async Task An_archived_version_is_fetched_once_and_served_from_the_copy_after_a_restart()
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
    public async Task A_version_that_the_archive_cannot_have_is_refused_without_an_upstream_request(string version, int status)
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        var answer = await host.Client.GetAsync($"/registry/{version}/models.json");

        await Assert.That(answer.Status).IsEqualTo(status);
        await Assert.That(host.Upstream.Requests.Keys.Any(path => path.Contains("/v/", StringComparison.Ordinal))).IsFalse();
    }

    [Test]
    public async Task A_version_that_the_archive_lacks_is_404_and_asked_for_once()
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        for (var repeat = 0; repeat < 3; repeat++)
            await Assert.That((await host.Client.GetAsync("/registry/openai/v/5/models.json")).Status).IsEqualTo(404);

        await Assert.That(host.Upstream.Requests["openai/v/5/models.json"]).IsEqualTo(1);
    }

    [Test]
    public async Task While_the_upstream_is_down_a_version_without_a_copy_is_503_and_not_404()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        var provider = await host.Client.GetAsync("/registry/openai/v/6/models.json");
        var merged = await host.Client.GetAsync("/registry/v/6/registry.json");

        await Assert.That(provider.Status).IsEqualTo(503);
        await Assert.That(merged.Status).IsEqualTo(503);
    }

    [Test]
    public async Task While_the_upstream_is_down_a_copy_from_an_earlier_upstream_is_served()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        var before = await host.Client.GetAsync("/registry/openai/v/6/models.json");

        await host.RestartAsync(("REGISTRY_BASE_URL", "http://127.0.0.1:1/"));
        var after = await host.Client.GetAsync("/registry/openai/v/6/models.json");

        await Assert.That(after.Status).IsEqualTo(200);
        await Assert.That(after.Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task An_archived_version_that_is_not_a_registry_file_is_503_and_not_stored()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        host.Upstream.Files["openai/v/6/models.json"] = "<html>Please log in to the Wi-Fi</html>";

        var refused = await host.Client.GetAsync("/registry/openai/v/6/models.json");
        host.Upstream.Files["openai/v/6/models.json"] = RegistryFiles.All["openai/v/6/models.json"];
        await host.RestartAsync();
        var answer = await host.Client.GetAsync("/registry/openai/v/6/models.json");

        await Assert.That(refused.Status).IsEqualTo(503);
        await Assert.That(answer.Text).IsEqualTo(RegistryFiles.All["openai/v/6/models.json"]);
    }
}
