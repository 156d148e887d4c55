using System.Diagnostics;
using System.Text.RegularExpressions;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class KeysCommandTests(ServerFixture server)
{
    [Test]
    public async Task A_key_is_made_used_replaced_and_revoked_and_its_project_keeps_seeing_its_rows()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var one = await StrictAsync(database);
        await using var other = await StrictAsync(database);
        var (first, firstId) = await CreateAsync(database, "create", "--project", "shop");
        var (stranger, _) = await CreateAsync(database, "create", "--project", "another");

        using var old = new ApiClient(one.Address, first);
        var logged = await old.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 2 });
        var conversation = await old.PostAsync("/conversations", new { title = "before the change" });
        var (second, _) = await CreateAsync(database, "rotate", firstId, "--grace", "24h");

        await Assert.That(logged.Status).IsEqualTo(200).Because(logged.Text);
        await Assert.That((string?)conversation["api_key_id"]).IsEqualTo(firstId);
        foreach (var key in (string[])[first, second])
        {
            using var client = new ApiClient(other.Address, key);
            await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(1);
            await Assert.That((string?)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_cost"]).IsEqualTo("2");
            await Assert.That((await client.GetAsync($"/conversations/{conversation["id"]}")).Status).IsEqualTo(200);
            await Assert.That((await client.GetAsync("/api/v1/conversations/search?q=change")).Json.AsArray().Count).IsEqualTo(1);
        }

        using (var client = new ApiClient(other.Address, stranger))
        {
            await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(0);
            await Assert.That((await client.GetAsync($"/conversations/{conversation["id"]}")).Status).IsEqualTo(404);
        }

        var (_, revoked) = await RunAsync(database, "revoke", firstId);
        var watch = Stopwatch.StartNew();
        using var oldElsewhere = new ApiClient(other.Address, first);
        await Eventually.HoldsAsync(async () => await StatusAsync(old) == 401 && await StatusAsync(oldElsewhere) == 401);

        // A second, and what two requests take on a busy machine.
        await Assert.That(watch.Elapsed).IsLessThan(TimeSpan.FromSeconds(1.5));
        await Assert.That(revoked).Contains("is revoked");
        using var next = new ApiClient(one.Address, second);
        await Assert.That(await StatusAsync(next)).IsEqualTo(200);
        await Assert.That((await old.GetAsync("/api/v1/logs")).Text).IsEqualTo("""{"detail":"Invalid API key"}""");
        await Assert.That((await RunAsync(database, "list")).Output).Contains("shop").And.Contains("revoked").And.Contains("active").And.Contains("another");
    }

    [Test]
    public async Task A_key_ends_when_it_should()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await StrictAsync(database);
        var (ending, endingId) = await CreateAsync(database, "create", "--project", "p", "--expires", "1s");
        var (replaced, replacedId) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        using var endingClient = new ApiClient(host.Address, ending);
        using var replacedClient = new ApiClient(host.Address, replaced);

        await Assert.That(await StatusAsync(replacedClient)).IsEqualTo(200);
        var (_, successorId) = await CreateAsync(database, "rotate", replacedId, "--grace", "2s");

        await Eventually.HoldsAsync(async () => await StatusAsync(endingClient) == 401 && await StatusAsync(replacedClient) == 401);
        var (exitCode, refusal) = await RunAsync(database, "rotate", endingId);
        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(refusal.Trim()).IsEqualTo($"llmring-server: There is no active key {endingId}");
        // A key that takes another's place ends as long after its making.
        await using var connection = new NpgsqlConnection(database);
        var days = await connection.ExecuteScalarAsync<double>(
            "select extract(epoch from expires_at - now()) / 86400 from llmring_api.api_keys where id = @id::uuid", new { id = successorId });
        await Assert.That(days).IsBetween(89.9, 90.1);
    }

    [Test]
    public async Task Only_hashes_are_stored_and_when_a_key_was_last_used_is_noted_behind()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (key, id) = await CreateAsync(database, "create", "--project", "p");
        await using (var host = await StrictAsync(database))
        {
            using var client = new ApiClient(host.Address, key);
            await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });
        }

        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<bool>("select last_used_at > now() - interval '1 minute' from llmring_api.api_keys where id = @id::uuid", new { id })).IsTrue();
        await Assert.That(await connection.ExecuteScalarAsync<string>("select k::text from llmring_api.api_keys k")).DoesNotContain(key);
        await Assert.That(await connection.ExecuteScalarAsync<string>("select u::text from llmring.usage_logs u")).DoesNotContain(key);
    }

    [Test]
    public async Task Tables_that_others_made_are_taken_as_they_are()
    {
        var (database, project) = (await server.Postgres.CreateDatabaseAsync(), Guid.NewGuid());
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(
            """
            create schema llmring_api;
            create table llmring_api.projects (id uuid primary key, user_id uuid not null);
            create table llmring_api.project_members (project_id uuid not null, user_id uuid not null);
            create table llmring_api.api_keys (id uuid primary key, project_id uuid, key_hash text not null, is_active bool not null);
            insert into llmring_api.projects values (@project, gen_random_uuid())
            """,
            new { project });
        string id;
        await using (var host = await StrictAsync(database))
        {
            (var key, id) = await CreateAsync(database, "create", "--project", $"{project}");
            using var client = new ApiClient(host.Address, key);
            await Assert.That(await StatusAsync(client)).IsEqualTo(200);
        }

        foreach (var arguments in (string[][])[
            ["create", "--project", "by-name"],
            ["create", "--project", $"{Guid.NewGuid()}"],
            ["create", "--project", $"{project}", "--expires", "90d"],
            ["create", "--project", $"{project}", "--expires", "yesterday"],
            ["rotate", id, "--grace", "24h"],
            ["revoke", $"{Guid.NewGuid()}"]])
        {
            var (exitCode, output) = await RunAsync(database, arguments);
            await Assert.That(exitCode).IsEqualTo(1).Because(output);
            await Assert.That(output.Trim().Split('\n').Length).IsEqualTo(1).Because(output);
            await Assert.That(output).StartsWith("llmring-server: ");
        }

        await CreateAsync(database, "rotate", id, "--grace", "0");
        var columns = await connection.ExecuteScalarAsync<int>("select count(*) from information_schema.columns where table_schema = 'llmring_api'");
        await Assert.That(columns).IsEqualTo(8);
        await Assert.That((await RunAsync(database, "list")).Output).Contains($"{project}").And.Contains("revoked").And.Contains("active");
    }

    [Test]
    public async Task Listing_and_revoking_make_no_tables()
    {
        var database = await server.Postgres.CreateDatabaseAsync();

        foreach (var arguments in (string[][])[["list"], ["revoke", $"{Guid.NewGuid()}"], ["rotate", $"{Guid.NewGuid()}"]])
        {
            var (exitCode, output) = await RunAsync(database, arguments);
            await Assert.That(exitCode).IsEqualTo(1);
            await Assert.That(output.Trim()).EndsWith("There are no keys yet; make one with: llmring-server keys create --project NAME");
        }

        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<bool>("select to_regnamespace('llmring_api') is null")).IsTrue();
    }

    private static Task<(int ExitCode, string Output)> RunAsync(string database, params string[] arguments) =>
        ServerProcess.RunAsync(["keys", .. arguments, "--env", "prod"], ("DATABASE_URL", database));

    private static async Task<(string Key, string Id)> CreateAsync(string database, params string[] arguments)
    {
        var (exitCode, output) = await RunAsync(database, arguments);
        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        return (Key().Match(output).Value, Id().Match(output).Groups[1].Value);
    }

    private static async Task<int> StatusAsync(ApiClient client) => (await client.GetAsync("/api/v1/logs")).Status;

    private Task<LlmRingServer> StrictAsync(string database) => ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));

    [GeneratedRegex("llmring_[A-Za-z0-9_-]{43}")]
    private static partial Regex Key();

    [GeneratedRegex("Key ([0-9a-f-]{36})")]
    private static partial Regex Id();
}
