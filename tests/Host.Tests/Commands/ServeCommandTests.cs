using LlmRing.Testing;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ServeCommandTests(ServerFixture server)
{
    private const string Unreachable = "postgresql://nobody:secret-password@127.0.0.1:1/nothing";

    [Test]
    [Arguments("CACHE_TTL", "soon", "LLMRING_CACHE_TTL is 'soon'; accepted: a whole number of seconds")]
    [Arguments("CACHE_TTL", "0", "LLMRING_CACHE_TTL is '0'; accepted: a whole number of seconds")]
    [Arguments("DATABASE_SCHEMA", "No-Schema", "LLMRING_DATABASE_SCHEMA is 'No-Schema'; accepted: a lower-case identifier")]
    [Arguments("DATABASE_URL", "mysql://x", "LLMRING_DATABASE_URL is (not shown); accepted: postgresql://")]
    [Arguments("REDIS_URL", "http://x", "LLMRING_REDIS_URL is (not shown); accepted: redis://")]
    [Arguments("API_KEY_VALIDATION_MODE", "lax", "LLMRING_API_KEY_VALIDATION_MODE is 'lax'; accepted: bridge or strict")]
    [Arguments("API_KEY_VALIDATION_MODE", "bridge,strict", "LLMRING_API_KEY_VALIDATION_MODE is 'bridge,strict'; accepted: bridge or strict")]
    [Arguments("MESSAGE_LOGGING_LEVEL", "0", "LLMRING_MESSAGE_LOGGING_LEVEL is '0'; accepted: full, metadata or none")]
    [Arguments("TRUSTED_PROXIES", "everywhere", "LLMRING_TRUSTED_PROXIES is 'everywhere'; accepted: addresses or networks")]
    [Arguments("ENFORCE_MEMBERSHIP_VERIFICATION", "maybe", "LLMRING_ENFORCE_MEMBERSHIP_VERIFICATION is 'maybe'; accepted: true or false")]
    [Arguments("RATE_LIMIT", "lots", "LLMRING_RATE_LIMIT is 'lots'; accepted: a number of requests in a second, minute, hour or day")]
    [Arguments("RATE_LIMIT", "0/m", "LLMRING_RATE_LIMIT is '0/m'; accepted: a number of requests")]
    [Arguments("MODULES", "usage,pantry", "LLMRING_MODULES names 'pantry'; accepted: all, or of")]
    [Arguments("MODULES", "-all", "LLMRING_MODULES names '-all'; accepted: all, or of")]
    [Arguments("MODULES", "[null]", "LLMRING_MODULES is '[null]'; accepted: names of modules")]
    [Arguments("DATABASE_URL", Unreachable, "The database 'nothing' at 127.0.0.1:1 cannot be used")]
    public async Task A_wrong_setting_stops_the_start_with_one_line_that_names_it(string name, string value, string reason)
    {
        (string, string)[] variables = name is "DATABASE_URL" ? [(name, value)] : [("DATABASE_URL", server.ConnectionString), (name, value)];

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--env", "prod", "--port", "0"], variables);

        await Assert.That(exitCode).IsNotEqualTo(0);
        await Assert.That(output.Trim()).StartsWith($"llmring-server: {reason}");
        await Assert.That(output.Trim().Split('\n').Length).IsEqualTo(1);
        await Assert.That(output).DoesNotContain("secret-password");
    }

    [Test]
    [Arguments("0")]
    [Arguments("dev,prod")]
    [Arguments("staging")]
    public async Task An_environment_is_one_of_its_names(string environment)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["db", "status", "--env", environment]);

        await Assert.That(exitCode).IsNotEqualTo(0);
        await Assert.That(output).Contains($"--env is '{environment}'. Accepted are dev, test, prod.");
    }

    [Test]
    [Arguments("serve", "--port", "0")]
    [Arguments("db", "create")]
    [Arguments("db", "migrate")]
    [Arguments("db", "status")]
    [Arguments("keys", "list")]
    [Arguments("modules", "list")]
    [Arguments("retention", "run")]
    public async Task A_database_setting_without_a_host_ends_every_command_with_one_line(params string[] command)
    {
        foreach (var (name, value) in (IEnumerable<(string, string)>)[
            ("DATABASE_URL", "Database=x"), ("DATABASE_URL", "postgresql:///x"), ("DATABASE_READ_URL", "Database=x")])
        {
            var (exitCode, output) = await ServerProcess.RunAsync(
                [.. command, "--env", "prod"], ("DATABASE_URL", server.ConnectionString), (name, value));

            await Assert.That(exitCode).IsEqualTo(1).Because(output);
            await Assert.That(output.Trim()).StartsWith($"llmring-server: LLMRING_{name} ").And.Contains("host");
            await Assert.That(output.Trim().Split('\n').Length).IsEqualTo(1).Because(output);
        }
    }

    [Test]
    public async Task A_connection_pool_below_the_minimum_stops_the_start()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(
            ["serve", "--env", "prod", "--port", "0"], ("DATABASE_URL", server.ConnectionString), ("DATABASE_POOL_SIZE", "2"), ("DATABASE_POOL_OVERFLOW", "0"));

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output.Trim()).StartsWith("llmring-server: LLMRING_DATABASE_POOL_SIZE + LLMRING_DATABASE_POOL_OVERFLOW").And.EndsWith("is 2; accepted: at least 8");
    }

    [Test]
    public async Task The_environment_prod_requires_a_database_url()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--env", "prod", "--port", "0"]);

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output.Trim()).StartsWith("llmring-server: LLMRING_DATABASE_URL is not set");
    }

    [Test]
    public async Task A_port_in_use_stops_the_start_with_one_line()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(
            ["serve", "--env", "prod", "--host", "127.0.0.1", "--port", $"{server.Server.Address.Port}"],
            ("DATABASE_URL", server.ConnectionString));

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output).Contains($"llmring-server: Cannot listen on 127.0.0.1:{server.Server.Address.Port}");
        await Assert.That(output).DoesNotContain("   at ");
    }

    [Test]
    public async Task Two_servers_that_start_at_the_same_time_on_an_empty_database_both_serve()
    {
        var database = await server.Postgres.CreateDatabaseAsync();

        await Task.WhenAll(AnswersAsync(), AnswersAsync());

        async Task AnswersAsync()
        {
            await using var started = await ServerProcess.ServeAsync(("DATABASE_URL", database));
            using var client = new ApiClient(started.Address, "k");
            await Assert.That((await client.GetAsync("/api/v1/logs")).Status).IsEqualTo(200);
        }
    }

    [Test]
    public async Task A_server_with_an_embedded_database_keeps_its_data_after_a_kill()
    {
        var folder = Directory.CreateTempSubdirectory("llmring-embedded-");
        if (!OperatingSystem.IsWindows())
            folder.UnixFileMode |= UnixFileMode.OtherExecute | UnixFileMode.OtherRead | UnixFileMode.GroupExecute;
        try
        {
            var first = await ServerProcess.ServeAsync("dev", folder.FullName);
            using (var client = new ApiClient(first.Address, "k"))
                await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 1 });
            await first.KillAsync();

            await using var second = await ServerProcess.ServeAsync("dev", folder.FullName);
            using (var client = new ApiClient(second.Address, "k"))
                await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(1);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
