using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.Refresh;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class RefreshTests(PostgresFixture postgres)
{
    private static readonly (string, string) ShortTtl = ("CACHE_TTL", "1");

    [Test]
    public async Task Fifty_callers_at_once_cost_one_upstream_request()
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => host.Client.GetAsync("/registry")));

        await Assert.That(answers.All(answer => answer.Status == 200)).IsTrue();
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task Hosts_on_one_database_and_restarts_share_one_upstream_request_per_TTL()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await using var second = await host.StartSecondAsync();
        using var secondClient = new ApiClient(second.Address, key: null);

        var (one, other) = (await host.Client.GetAsync("/registry"), await secondClient.GetAsync("/registry"));
        await host.RestartAsync();
        var restarted = await host.Client.GetAsync("/registry");

        await Assert.That(other.Headers["ETag"]).IsEqualTo(one.Headers["ETag"]);
        await Assert.That(restarted.Headers["ETag"]).IsEqualTo(one.Headers["ETag"]);
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task A_change_upstream_is_served_after_the_TTL()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");

        host.Upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 8, RegistryFiles.Model("openai", "gpt-6", 1m, 2m, "{}"));
        var after = await host.GetUntilAsync("/registry", answer => answer.Headers["ETag"] != before.Headers["ETag"]);

        await Assert.That(after["models"]!.AsObject().ContainsKey("openai:gpt-6")).IsTrue();
        await Assert.That(after["models"]!.AsObject().ContainsKey("openai:gpt-4.1")).IsFalse();
    }

    [Test]
    public async Task Unchanged_documents_are_not_sent_again_and_keep_their_tag()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");

        await Eventually.HoldsAsync(() => Task.FromResult(RegistryFiles.All.Keys.Where(path => !path.Contains("/v/", StringComparison.Ordinal)).All(host.Upstream.NotModified.ContainsKey)));

        await Assert.That((await host.Client.GetAsync("/registry")).Headers["ETag"]).IsEqualTo(before.Headers["ETag"]);
    }

    [Test]
    public async Task Without_the_upstream_the_last_good_copy_is_served_also_after_a_restart()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        var after = await host.Client.GetAsync("/registry");
        await host.RestartAsync(ShortTtl);
        var restarted = await host.Client.GetAsync("/registry");
        await host.RestartAsync(("REGISTRY_BASE_URL", "http://127.0.0.1:1/"));
        var moved = await host.Client.GetAsync("/registry");

        foreach (var answer in (ApiResponse[])[after, restarted, moved])
        {
            await Assert.That(answer.Status).IsEqualTo(200);
            await Assert.That(answer.Text).IsEqualTo(before.Text);
        }
    }

    [Test]
    public async Task Without_any_copy_the_answer_is_503_until_the_upstream_comes()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await host.Upstream.StopAsync();
        await host.RestartAsync(("REGISTRY_BASE_URL", $"{host.Upstream.Address}"), ("DATABASE_URL", await postgres.CreateDatabaseAsync()));

        foreach (var path in (string[])["/registry", "/registry?providers=openai", "/registry/manifest.json", "/registry/openai/models.json", "/registry/openai/v/6/models.json", "/registry/v/6/registry.json"])
        {
            var refused = await host.Client.GetAsync(path);
            await Assert.That(refused.Status).IsEqualTo(503);
            await Assert.That((string?)refused["detail"]).Contains("LLMRING_REGISTRY_BASE_URL");
            await Assert.That(refused.Headers.ContainsKey("Retry-After")).IsTrue();
        }

        await host.Upstream.StartAsync();
        await host.GetUntilAsync("/registry", answer => answer.Status == 200);
    }

    [Test]
    [Arguments("manifest.json")]
    [Arguments("openai/models.json")]
    public async Task An_answer_that_is_no_registry_does_not_take_the_place_of_a_good_copy(string path)
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        var asked = host.Upstream.Requests[path];

        host.Upstream.Files[path] = "<html>Please log in to the Wi-Fi</html>";
        await Eventually.HoldsAsync(() => Task.FromResult(host.Upstream.Requests[path] >= asked + 2));

        await Assert.That((await host.Client.GetAsync("/registry")).Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task A_slow_upstream_keeps_nobody_waiting_who_can_be_served_from_a_copy()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        await host.Client.GetAsync("/registry");
        var asked = host.Upstream.Requests["manifest.json"];

        host.Upstream.Delay = TimeSpan.FromSeconds(4);
        await Eventually.HoldsAsync(() => Task.FromResult(host.Upstream.Requests["manifest.json"] > asked));
        var answer = await host.Client.GetAsync("/registry").WaitAsync(TimeSpan.FromSeconds(2));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_provider_whose_file_was_never_had_is_left_out_and_the_others_are_served()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        host.Upstream.Files.Remove("google/models.json", out _);
        await host.RestartAsync(("DATABASE_URL", await postgres.CreateDatabaseAsync()));

        var answer = await host.Client.GetAsync("/registry");
        var provider = await host.Client.GetAsync("/registry/google/models.json");

        await Assert.That(answer["models"]!.AsObject().Count).IsEqualTo(3);
        await Assert.That(provider.Status).IsEqualTo(503);
    }

    [Test]
    public async Task A_manifest_cannot_lead_anywhere_else()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        host.Upstream.Files["manifest.json"] = """{"schema_version": 3.5, "providers": {"../secret": {}, "a/b": {}, "": {}, "..": {}, "openai": {"file": "/etc/passwd"}}}""";
        await host.RestartAsync(("DATABASE_URL", await postgres.CreateDatabaseAsync()));

        var answer = await host.Client.GetAsync("/registry");

        await Assert.That((string?)answer["version"]).IsEqualTo("3.5");
        await Assert.That(answer["providers"]!.AsObject().Select(provider => provider.Key)).IsEquivalentTo(["openai"]);
        await Assert.That(host.Upstream.Requests.Keys.Except(RegistryFiles.All.Keys)).IsEmpty();
    }

    [Test]
    [Arguments("")]
    [Arguments("/")]
    public async Task A_folder_serves_as_upstream(string end)
    {
        using var folder = new TemporaryFolder(RegistryFiles.All);
        await using var host = await RegistryHost.StartAsync(postgres, ("REGISTRY_BASE_URL", new Uri(folder.Path).AbsoluteUri + end));

        var registry = await host.Client.GetAsync("/registry");
        var archived = await host.Client.GetAsync("/registry/v/6/registry.json");
        var absent = await host.Client.GetAsync("/registry/openai/v/5/models.json");

        await Assert.That(registry["models"]!.AsObject().Count).IsEqualTo(4);
        await Assert.That(archived["models"]!.AsObject().Count).IsEqualTo(1);
        await Assert.That(absent.Status).IsEqualTo(404);
        await Assert.That(host.Upstream.Requests).IsEmpty();
    }

    [Test]
    public async Task A_folder_that_is_not_there_is_an_upstream_that_is_down()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ("REGISTRY_BASE_URL", "file:///nowhere/registry"));

        await Assert.That((await host.Client.GetAsync("/registry")).Status).IsEqualTo(503);
    }

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("registry");

        public TemporaryFolder(IReadOnlyDictionary<string, string> files)
        {
            foreach (var (path, text) in files)
            {
                var file = new FileInfo(System.IO.Path.Combine(_folder.FullName, path));
                file.Directory!.Create();
                File.WriteAllText(file.FullName, text);
            }
        }

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
