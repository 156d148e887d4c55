using System.Text.RegularExpressions;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class KeysCommandTests(ServerFixture server)
{
    [Test]
    public async Task A_created_key_owns_the_rows_it_writes()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await StrictAsync(database);
        var (key, id) = await CreateAsync(database, "create", "--project", "shop");
        using var client = new ApiClient(host.Address, key);

        var conversation = await client.PostAsync("/conversations", new { title = "t" });

        await Assert.That(conversation.Status).IsEqualTo(200).Because(conversation.Text);
        await Assert.That((string?)conversation["api_key_id"]).IsEqualTo(id);
    }

    [Test]
    public async Task Both_keys_of_a_rotation_see_the_rows_of_their_project_on_every_host()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var one = await StrictAsync(database);
        await using var other = await StrictAsync(database);
        var (first, firstId) = await CreateAsync(database, "create", "--project", "shop");
        using var writer = new ApiClient(one.Address, first);
        await writer.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 2 });
        var conversation = await writer.PostAsync("/conversations", new { title = "before the change" });

        var (second, _) = await CreateAsync(database, "rotate", firstId, "--grace", "24h");

        foreach (var key in (string[])[first, second])
        {
            using var client = new ApiClient(other.Address, key);
            await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(1);
            await Assert.That((string?)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_cost"]).IsEqualTo("2");
            await Assert.That((await client.GetAsync($"/conversations/{conversation["id"]}")).Status).IsEqualTo(200);
            await Assert.That((await client.GetAsync("/api/v1/conversations/search?q=change")).Json.AsArray().Count).IsEqualTo(1);
        }
    }

    [Test]
    public async Task A_key_of_another_project_sees_none_of_the_rows()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await StrictAsync(database);
        var (key, _) = await CreateAsync(database, "create", "--project", "shop");
        var (stranger, _) = await CreateAsync(database, "create", "--project", "another");
        using var writer = new ApiClient(host.Address, key);
        await writer.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 2 });
        var conversation = await writer.PostAsync("/conversations", new { title = "t" });

        using var client = new ApiClient(host.Address, stranger);

        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(0);
        await Assert.That((await client.GetAsync($"/conversations/{conversation["id"]}")).Status).IsEqualTo(404);
    }

    // ApiKeyLookup caches keys for a second by the clock of FusionCache, which cannot be replaced: the second itself is not tested.
    [Test]
    public async Task A_revoked_key_in_use_is_401_on_every_host()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var one = await StrictAsync(database);
        await using var other = await StrictAsync(database);
        var (key, id) = await CreateAsync(database, "create", "--project", "shop");
        using var here = new ApiClient(one.Address, key);
        using var elsewhere = new ApiClient(other.Address, key);
        await Assert.That((await StatusAsync(here), await StatusAsync(elsewhere))).IsEqualTo((200, 200));

        var (_, revoked) = await RunAsync(database, "revoke", id);

        await Assert.That(revoked).Contains("is revoked");
        await Eventually.HoldsAsync(async () => await StatusAsync(here) == 401 && await StatusAsync(elsewhere) == 401);
        await Assert.That((await here.GetAsync("/api/v1/logs")).Text).IsEqualTo("""{"detail":"Invalid API key"}""");
    }

    [Test]
    public async Task The_list_shows_project_and_state_of_every_key()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (_, id) = await CreateAsync(database, "create", "--project", "shop");
        await CreateAsync(database, "create", "--project", "another");
        await RunAsync(database, "revoke", id);

        var (_, output) = await RunAsync(database, "list");

        await Assert.That(output).Contains("shop").And.Contains("revoked").And.Contains("active").And.Contains("another");
    }

    [Test]
    public async Task A_key_in_use_is_401_from_its_expiry_on()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StrictAsync(database, time);
        var (key, _) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        using var client = new ApiClient(host.Address, key);

        time.Advance(TimeSpan.FromDays(89));
        await Assert.That(await StatusAsync(client)).IsEqualTo(200);
        time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromMinutes(5));

        await Assert.That(await StatusAsync(client)).IsEqualTo(401);
    }

    [Test]
    public async Task A_rotated_key_is_401_after_its_grace_period_and_its_successor_is_not()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StrictAsync(database, time);
        var (old, id) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        var (successor, _) = await CreateAsync(database, "rotate", id, "--grace", "24h");
        using var oldClient = new ApiClient(host.Address, old);
        using var client = new ApiClient(host.Address, successor);

        await Assert.That(await StatusAsync(oldClient)).IsEqualTo(200);
        time.Advance(TimeSpan.FromHours(24) + TimeSpan.FromMinutes(5));

        await Assert.That(await StatusAsync(oldClient)).IsEqualTo(401);
        await Assert.That(await StatusAsync(client)).IsEqualTo(200);
    }

    [Test]
    public async Task A_successor_lives_as_long_as_the_key_that_it_replaces()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (_, id) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");

        var (_, successorId) = await CreateAsync(database, "rotate", id, "--grace", "24h");

        await using var connection = new NpgsqlConnection(database);
        var days = await connection.ExecuteScalarAsync<double>(
            "select extract(epoch from expires_at - now()) / 86400 from llmring_api.api_keys where id = @id::uuid", new { id = successorId });
        await Assert.That(days).IsBetween(89.9, 90.1);
    }

    [Test]
    public async Task An_expired_key_cannot_be_rotated()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (_, id) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync("update llmring_api.api_keys set expires_at = now() - interval '1 second'");

        var (exitCode, refusal) = await RunAsync(database, "rotate", id);

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(refusal.Trim()).IsEqualTo($"llmring-server: There is no active key {id}");
    }

    [Test]
    public async Task Tables_hold_the_hash_of_a_key_and_never_the_key()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (key, _) = await CreateAsync(database, "create", "--project", "p");
        await using (var host = await StrictAsync(database))
        {
            using var client = new ApiClient(host.Address, key);
            await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 });
        }

        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<string>("select k::text from llmring_api.api_keys k")).DoesNotContain(key);
        await Assert.That(await connection.ExecuteScalarAsync<string>("select u::text from llmring.usage_logs u")).DoesNotContain(key);
    }

    [Test]
    [Arguments("infinity", 200, "active")]
    [Arguments("20000-01-01", 200, "active")]
    [Arguments("-infinity", 401, "expired")]
    [Arguments("0044-03-15 BC", 401, "expired")]
    public async Task An_expiry_that_only_PostgreSQL_can_represent_counts_as_never_or_as_past(string expiresAt, int status, string state)
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await StrictAsync(database);
        var (key, id) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync("update llmring_api.api_keys set expires_at = @expiresAt::timestamptz", new { expiresAt });
        using var client = new ApiClient(host.Address, key);

        await Assert.That(await StatusAsync(client)).IsEqualTo(status);
        var (exitCode, list) = await RunAsync(database, "list");
        await Assert.That(exitCode).IsEqualTo(0).Because(list);
        await Assert.That(list).Contains(state);
        await Assert.That((await RunAsync(database, "rotate", id)).ExitCode).IsEqualTo(state is "active" ? 0 : 1);
    }

    [Test]
    public async Task Other_times_of_a_key_that_only_PostgreSQL_can_represent_do_not_end_the_list()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var (_, id) = await CreateAsync(database, "create", "--project", "p", "--expires", "90d");
        await using (var connection = new NpgsqlConnection(database))
        {
            await connection.ExecuteAsync(
                "update llmring_api.api_keys set created_at = '0044-03-15 BC', expires_at = '9998-01-01', last_used_at = 'infinity'");
        }

        var (exitCode, list) = await RunAsync(database, "list");

        await Assert.That(exitCode).IsEqualTo(0).Because(list);
        await Assert.That((await RunAsync(database, "rotate", id)).ExitCode).IsEqualTo(0);
    }

    [Test]
    public async Task Control_characters_of_a_project_name_are_printed_as_escapes()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await CreateAsync(database, "create", "--project", "red\u001b[31m\nforged line\u202e");

        var (_, list) = await RunAsync(database, "list");
        var (_, refusal) = await RunAsync(database, "create", "--project", "p", "--expires", "\u001b[2J");

        await Assert.That(list).Contains(@"red\u001B[31m\u000Aforged line\u202E");
        await Assert.That(refusal).Contains(@"--expires is '\u001B[2J'");
        await Assert.That(list + refusal).DoesNotContain("\u001b");
    }

    [Test]
    public async Task Commands_use_tables_that_another_program_created_without_changing_them()
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
    public async Task Commands_that_need_a_key_create_no_tables()
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

    private Task<LlmRingServer> StrictAsync(string database, TimeProvider? time = null) =>
        ServerFixture.StartAsync(database, server.Upstream, time ?? TimeProvider.System, ("API_KEY_VALIDATION_MODE", "strict"));

    [GeneratedRegex("llmring_[A-Za-z0-9_-]{43}")]
    private static partial Regex Key();

    [GeneratedRegex("Key ([0-9a-f-]{36})")]
    private static partial Regex Id();
}
