using Dapper;
using LlmRing.Testing;
using Npgsql;
using StackExchange.Redis;

namespace LlmRing.Modules.Registry.Tests.Upstream;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class RefreshTests(PostgresFixture postgres)
{
    private static readonly (string, string) ShortTtl = ("CACHE_TTL", "1");
    private static readonly (string, string) RegistryOnly = ("MODULES", "registry");

    [Test]
    public async Task Fifty_concurrent_requests_cause_one_upstream_request_per_file()
    {
        await using var host = await RegistryHost.StartAsync(postgres);

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => host.Client.GetAsync("/registry")));

        await Assert.That(answers.All(answer => answer.Status == 200)).IsTrue();
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task Hosts_on_one_database_share_one_upstream_request_per_file_and_TTL()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await using var second = await host.StartSecondAsync();
        using var secondClient = new ApiClient(second.Address, key: null);

        var (one, other) = (await host.Client.GetAsync("/registry"), await secondClient.GetAsync("/registry"));

        await Assert.That(other.Headers["ETag"]).IsEqualTo(one.Headers["ETag"]);
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task A_restarted_host_does_not_repeat_the_upstream_requests_within_the_TTL()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        var before = await host.Client.GetAsync("/registry");

        await host.RestartAsync();
        var restarted = await host.Client.GetAsync("/registry");

        await Assert.That(restarted.Headers["ETag"]).IsEqualTo(before.Headers["ETag"]);
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task Hosts_that_start_during_a_refresh_share_its_upstream_requests()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var upstream = new RegistryUpstream { Delay = TimeSpan.FromSeconds(1) };
        await upstream.StartAsync();
        await using var first = await ServerFixture.StartAsync(database, upstream, RegistryOnly);
        await using var second = await ServerFixture.StartAsync(database, upstream, RegistryOnly);
        using var firstClient = new ApiClient(first.Address, key: null);
        using var secondClient = new ApiClient(second.Address, key: null);

        var answers = await Task.WhenAll(firstClient.GetAsync("/registry"), secondClient.GetAsync("/registry"));

        await Assert.That(answers[0].Status).IsEqualTo(200);
        await Assert.That(answers[1].Text).IsEqualTo(answers[0].Text);
        await Assert.That(upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task Hosts_that_share_a_Redis_but_no_database_share_the_upstream_requests()
    {
        await using var redis = new RedisFixture();
        await redis.InitializeAsync();
        await using var host = await RegistryHost.StartAsync(postgres, RegistryOnly, ("REDIS_URL", redis.Url));
        var first = await host.Client.GetAsync("/registry");
        await using var multiplexer = await ConnectionMultiplexer.ConnectAsync(new Uri(redis.Url).Authority);
        var keys = multiplexer.GetServer(new Uri(redis.Url).Authority);
        await Eventually.HoldsAsync(() => Task.FromResult(keys.Keys(pattern: "*registry:documents*").Any()));

        await host.RestartAsync(RegistryOnly, ("REDIS_URL", redis.Url), ("DATABASE_URL", await postgres.CreateDatabaseAsync()));
        var second = await host.Client.GetAsync("/registry");

        await Assert.That(second.Text).IsEqualTo(first.Text);
        await Assert.That(host.Upstream.Requests.Values.All(count => count == 1)).IsTrue();
    }

    [Test]
    public async Task No_transaction_is_open_while_the_upstream_answers()
    {
        var database = await postgres.CreateDatabaseAsync();
        await using var upstream = new RegistryUpstream { Delay = TimeSpan.FromMinutes(1) };
        await upstream.StartAsync();
        await using var server = await ServerFixture.StartAsync(database, upstream, RegistryOnly);
        await Eventually.HoldsAsync(() => Task.FromResult(upstream.Requests.ContainsKey("manifest.json")));

        await using var connection = new NpgsqlConnection(database);
        var transactions = await connection.ExecuteScalarAsync<long>(
            """
            select count(*) from pg_stat_activity
            where datname = current_database() and state like 'idle in transaction%' and pid <> pg_backend_pid()
            """);

        await Assert.That(transactions).IsEqualTo(0);
    }

    [Test]
    public async Task A_refresh_that_a_dead_host_left_unfinished_is_repeated_once_its_lease_expires()
    {
        await using var host = await RegistryHost.StartAsync(postgres, RegistryOnly);
        await LeaveUnfinishedRefreshAsync(host, "delete from registry_documents", TimeSpan.FromSeconds(2));

        await host.RestartAsync(RegistryOnly);
        var answer = await host.Client.GetAsync("/registry");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(await LeasesAsync(host)).IsEqualTo(0);
    }

    [Test]
    public async Task An_outdated_copy_is_served_while_another_host_holds_the_lease()
    {
        await using var host = await RegistryHost.StartAsync(postgres, RegistryOnly);
        var before = await host.Client.GetAsync("/registry");
        await LeaveUnfinishedRefreshAsync(
            host, "update registry_documents set checked_at = checked_at - interval '1 day'", TimeSpan.FromDays(1));
        host.Upstream.Requests.Clear();

        await host.RestartAsync(RegistryOnly);
        var answer = await host.Client.GetAsync("/registry");

        await Assert.That(answer.Text).IsEqualTo(before.Text);
        await Assert.That(host.Upstream.Requests).IsEmpty();
    }

    [Test]
    public async Task A_changed_upstream_file_is_served_after_the_TTL()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");

        host.Upstream.Files["openai/models.json"] = RegistryFiles.Provider(
            "openai", 8, RegistryFiles.Model("openai", "gpt-6", 1m, 2m, "{}"));
        var after = await host.GetUntilAsync("/registry", answer => answer.Headers["ETag"] != before.Headers["ETag"]);

        await Assert.That(after["models"]!.AsObject().ContainsKey("openai:gpt-6")).IsTrue();
        await Assert.That(after["models"]!.AsObject().ContainsKey("openai:gpt-4.1")).IsFalse();
    }

    [Test]
    public async Task Unchanged_files_are_answered_with_304_upstream_and_keep_their_ETag()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        var current = RegistryFiles.All.Keys.Where(path => !path.Contains("/v/", StringComparison.Ordinal)).ToList();

        await Eventually.HoldsAsync(() => Task.FromResult(current.All(host.Upstream.NotModified.ContainsKey)));

        await Assert.That((await host.Client.GetAsync("/registry")).Headers["ETag"]).IsEqualTo(before.Headers["ETag"]);
    }

    [Test]
    public async Task While_the_upstream_is_down_the_last_good_copy_is_served()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        var after = await host.Client.GetAsync("/registry");

        await Assert.That(after.Status).IsEqualTo(200);
        await Assert.That(after.Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task A_host_that_starts_while_the_upstream_is_down_serves_the_last_good_copy()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        await host.Upstream.StopAsync();

        await host.RestartAsync(ShortTtl);
        var restarted = await host.Client.GetAsync("/registry");

        await Assert.That(restarted.Status).IsEqualTo(200);
        await Assert.That(restarted.Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task The_copy_of_an_earlier_upstream_is_served_while_the_new_upstream_is_down()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        var before = await host.Client.GetAsync("/registry");

        await host.RestartAsync(("REGISTRY_BASE_URL", "http://127.0.0.1:1/"));
        var moved = await host.Client.GetAsync("/registry");

        await Assert.That(moved.Status).IsEqualTo(200);
        await Assert.That(moved.Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task Without_a_copy_the_bundled_list_is_served_and_archived_versions_are_503_until_the_upstream_answers()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        await host.Upstream.StopAsync();
        await host.RestartAsync(("REGISTRY_BASE_URL", $"{host.Upstream.Address}"), ("DATABASE_URL", await postgres.CreateDatabaseAsync()));

        foreach (var path in (string[])["/registry", "/registry?providers=openai", "/registry/manifest.json", "/registry/openai/models.json"])
        {
            var bundled = await host.Client.GetAsync(path);
            await Assert.That(bundled.Status).IsEqualTo(200);
            await Assert.That(bundled.Headers["X-LLMRing-Registry"]).StartsWith("bundled");
        }

        foreach (var path in (string[])["/registry/openai/v/6/models.json", "/registry/v/6/registry.json"])
        {
            var refused = await host.Client.GetAsync(path);
            await Assert.That(refused.Status).IsEqualTo(503);
            await Assert.That((string?)refused["detail"]).Contains("LLMRING_REGISTRY_BASE_URL");
            await Assert.That(refused.Headers.ContainsKey("Retry-After")).IsTrue();
        }

        await host.Upstream.StartAsync();
        await host.GetUntilAsync("/registry", answer => answer.Status == 200 && !answer.Headers.ContainsKey("X-LLMRing-Registry"));
        await host.GetUntilAsync("/registry/v/6/registry.json", answer => answer.Status == 200);
    }

    [Test]
    [Arguments("manifest.json", "<html>Please log in to the Wi-Fi</html>")]
    [Arguments("manifest.json", "[]")]
    [Arguments("manifest.json", """{"providers": {}}""")]
    [Arguments("openai/models.json", "<html>Please log in to the Wi-Fi</html>")]
    [Arguments("openai/models.json", """{"models": []}""")]
    [Arguments("openai/models.json", """{"models": {"openai:gpt-6": {"display_name": "\ud800"}}}""")]
    public async Task A_response_that_is_not_a_registry_file_does_not_replace_the_good_copy(string path, string content)
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        var asked = host.Upstream.Requests[path];

        host.Upstream.Files[path] = content;
        await Eventually.HoldsAsync(() => Task.FromResult(host.Upstream.Requests[path] >= asked + 2));

        await Assert.That((await host.Client.GetAsync("/registry")).Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task A_file_larger_than_16_MiB_does_not_replace_the_good_copy()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        var before = await host.Client.GetAsync("/registry");
        var asked = host.Upstream.Requests["openai/models.json"];

        host.Upstream.Files["openai/models.json"] = RegistryFiles.Provider("openai", 8) + new string(' ', 16 * 1024 * 1024);
        await Eventually.HoldsAsync(() => Task.FromResult(host.Upstream.Requests["openai/models.json"] >= asked + 3));

        await Assert.That((await host.Client.GetAsync("/registry")).Text).IsEqualTo(before.Text);
    }

    [Test]
    public async Task Requests_are_answered_from_the_copy_before_a_slow_upstream_answers()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ShortTtl);
        await host.Client.GetAsync("/registry");
        host.Upstream.Delay = TimeSpan.FromSeconds(4);
        var before = host.Upstream.Requests["manifest.json"];
        await Eventually.HoldsAsync(() => Task.FromResult(host.Upstream.Requests["manifest.json"] > before));
        var confirmed = host.Upstream.NotModified.GetValueOrDefault("manifest.json");

        var answer = await host.Client.GetAsync("/registry");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(host.Upstream.NotModified.GetValueOrDefault("manifest.json")).IsEqualTo(confirmed);
    }

    [Test]
    public async Task A_provider_without_a_copy_is_left_out_of_the_registry()
    {
        await using var host = await StartWithoutGoogleAsync();

        var answer = await host.Client.GetAsync("/registry");

        await Assert.That(answer["models"]!.AsObject().Count).IsEqualTo(3);
    }

    [Test]
    public async Task The_file_of_a_provider_without_a_copy_is_503()
    {
        await using var host = await StartWithoutGoogleAsync();

        var answer = await host.Client.GetAsync("/registry/google/models.json");

        await Assert.That(answer.Status).IsEqualTo(503);
    }

    [Test]
    public async Task Names_of_providers_that_lead_out_of_the_base_URL_are_ignored()
    {
        await using var host = await RegistryHost.StartAsync(postgres);
        host.Upstream.Files["manifest.json"] = """
            {"schema_version": 3.5, "providers": {"../secret": {}, "a/b": {}, "": {}, "..": {}, "openai": {"file": "/etc/passwd"}}}
            """;
        await host.RestartAsync(("DATABASE_URL", await postgres.CreateDatabaseAsync()));

        var answer = await host.Client.GetAsync("/registry");

        await Assert.That((string?)answer["version"]).IsEqualTo("3.5");
        await Assert.That(answer["providers"]!.AsObject().Select(provider => provider.Key)).IsEquivalentTo(["openai"]);
        await Assert.That(host.Upstream.Requests.Keys.Except(RegistryFiles.All.Keys)).IsEmpty();
    }

    private async Task<RegistryHost> StartWithoutGoogleAsync()
    {
        var host = await RegistryHost.StartAsync(postgres);
        host.Upstream.Files.Remove("google/models.json", out _);
        await host.RestartAsync(("DATABASE_URL", await postgres.CreateDatabaseAsync()));
        return host;
    }

    /// <summary>Stops the host, changes the copies, and leaves the lease of a host that was killed during a refresh.</summary>
    private static async Task LeaveUnfinishedRefreshAsync(RegistryHost host, string change, TimeSpan untilExpiry)
    {
        await host.Client.GetAsync("/registry");
        await host.StopAsync();
        await using var connection = new NpgsqlConnection(host.Database);
        await connection.ExecuteAsync(
            $"""
            set search_path = llmring;
            {change};
            insert into registry_lease (holder, expires_at) values (gen_random_uuid(), now() + @untilExpiry);
            """,
            new { untilExpiry });
    }

    private static async Task<long> LeasesAsync(RegistryHost host)
    {
        await using var connection = new NpgsqlConnection(host.Database);
        return await connection.ExecuteScalarAsync<long>("select count(*) from llmring.registry_lease");
    }
}
