using System.Security.Cryptography;
using System.Text;
using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Host.Tests.Authentication;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AuthenticationTests(ServerFixture server)
{
    private const string Route = "/api/v1/logs";

    [Test]
    [Arguments(null)]
    [Arguments("   ")]
    public async Task A_request_without_a_key_is_401(string? key)
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, key is null ? [] : [("X-API-Key", key)]);

        await Assert.That(answer.Status).IsEqualTo(401);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Authentication required: provide X-API-Key or (X-User-ID + X-Project-ID)");
    }

    [Test]
    public async Task A_key_of_255_characters_is_accepted()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", new string('k', 255)));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_key_of_256_characters_is_400()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", new string('k', 256)));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((string?)answer["detail"]).IsEqualTo("X-API-Key too long");
    }

    [Test]
    public async Task A_key_with_whitespace_inside_is_400()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", "two words"));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((string?)answer["detail"]).IsEqualTo("X-API-Key must not contain whitespace");
    }

    [Test]
    public async Task Whitespace_around_a_key_is_ignored()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", "  word  "));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_bearer_token_does_not_authenticate()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("Authorization", "Bearer k"));

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task A_bearer_token_beside_a_key_is_ignored()
    {
        var answer = await server.ClientWithKey("k").GetAsync(Route, ("Authorization", "Bearer other"));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_malformed_body_without_a_key_is_401_because_authentication_comes_first()
    {
        var answer = await server.ClientWithKey(null).PostAsync("/api/v1/log", "{ no json");

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task A_user_header_that_is_no_uuid_is_400()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-User-ID", "anna"), ("X-Project-ID", Guid.NewGuid().ToString()));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((string?)answer["detail"]).Contains("Invalid UUID format");
    }

    [Test]
    public async Task A_user_of_a_project_is_404_while_the_tables_of_projects_do_not_exist()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-User-ID", $"{Guid.NewGuid()}"), ("X-Project-ID", $"{Guid.NewGuid()}"));

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Project not found");
    }

    [Test]
    public async Task In_strict_mode_every_key_is_401_while_the_table_of_keys_does_not_exist()
    {
        await using var strict = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var client = new ApiClient(strict.Address, "some-key");
        var answer = await client.GetAsync(Route);

        await Assert.That(answer.Status).IsEqualTo(401);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Invalid API key");
    }

    [Test]
    public async Task Owner_and_members_of_a_project_share_its_rows_and_other_users_are_404()
    {
        var database = await DatabaseWithProjectsAsync();
        var (owner, member, stranger, project) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await ExecuteAsync(database, "insert into llmring_api.projects values (@project, @owner)", new { project, owner });
        await ExecuteAsync(database, "insert into llmring_api.project_members values (@project, @member)", new { project, member });
        await using var own = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(own.Address, null);

        var written = await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1 }, Headers(owner));
        var read = await client.GetAsync(Route, Headers(member));
        var refused = await client.GetAsync(Route, Headers(stranger));
        var unknown = await client.GetAsync(Route, ("X-User-ID", owner.ToString()), ("X-Project-ID", Guid.NewGuid().ToString()));

        await Assert.That(written.Status).IsEqualTo(200);
        await Assert.That(read.Json.AsArray().Count).IsEqualTo(1);
        await Assert.That(refused.Status).IsEqualTo(404);
        await Assert.That(unknown.Status).IsEqualTo(404);

        (string, string)[] Headers(Guid user) => [("X-User-ID", user.ToString()), ("X-Project-ID", project.ToString())];
    }

    [Test]
    public async Task User_headers_from_a_peer_that_is_no_trusted_proxy_are_ignored()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("TRUSTED_PROXIES", "10.0.0.0/8"), ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync(
            Route, ("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", Guid.NewGuid().ToString()), ("X-Forwarded-For", "10.0.0.1"));

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task User_headers_from_a_trusted_proxy_count_when_it_also_sends_X_Forwarded_For()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync(
            Route, ("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", Guid.NewGuid().ToString()), ("X-Forwarded-For", "203.0.113.9"));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task X_Forwarded_For_is_ignored_while_no_proxy_is_trusted()
    {
        await using var own = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("TRUSTED_PROXIES", "[]"), ("METRICS_NETWORKS", "203.0.113.9"));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync("/metrics", ("X-Forwarded-For", "203.0.113.9"));

        await Assert.That(answer.Status).IsEqualTo(404);
    }

    [Test]
    [Arguments("""
        grant usage on schema llmring_api to public;
        alter table llmring_api.api_keys drop column is_active; drop table llmring_api.projects; create table llmring_api.projects (number integer);
        grant select on all tables in schema llmring_api to public
        """)]
    [Arguments("select 'no right to the schema'")]
    [Arguments("grant usage on schema llmring_api to public")]
    public async Task Keys_are_401_and_users_404_while_the_tables_of_keys_and_projects_cannot_be_read(string spoil)
    {
        var database = await DatabaseWithProjectsAsync();
        await ExecuteAsync(database, "insert into llmring_api.api_keys values (gen_random_uuid(), gen_random_uuid(), @known, true)", new { known = Hash("known") });
        var role = $"r{Guid.NewGuid():N}";
        var owner = new NpgsqlConnectionStringBuilder(database) { Username = role, Password = "password" };
        await ExecuteAsync(database, $"create role {role} login password 'password'; alter database {owner.Database} owner to {role}; {spoil}");
        await using var own = await ServerFixture.StartAsync(owner.ConnectionString, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var client = new ApiClient(own.Address, null);

        var key = await client.GetAsync(Route, ("X-API-Key", "known"));
        var member = await client.GetAsync(Route, ("X-User-ID", $"{Guid.NewGuid()}"), ("X-Project-ID", $"{Guid.NewGuid()}"));

        await Assert.That(key.Status).IsEqualTo(401);
        await Assert.That(member.Status).IsEqualTo(404);
    }

    [Test]
    public async Task In_strict_mode_an_active_key_is_accepted()
    {
        await using var strict = await StrictServerAsync(("known", true));

        await Assert.That(await StatusAsync(strict, "known")).IsEqualTo(200);
    }

    [Test]
    [Arguments("inactive")]
    [Arguments("unknown")]
    public async Task In_strict_mode_an_inactive_or_unknown_key_is_401(string key)
    {
        await using var strict = await StrictServerAsync(("known", true), ("inactive", false));

        await Assert.That(await StatusAsync(strict, key)).IsEqualTo(401);
    }

    [Test]
    public async Task In_strict_mode_a_key_in_use_is_401_after_it_was_deactivated()
    {
        await using var strict = await StrictServerAsync(("known", true));
        await Assert.That(await StatusAsync(strict, "known")).IsEqualTo(200);

        await using (var connection = await strict.Services.GetRequiredService<NpgsqlDataSource>().OpenConnectionAsync())
            await connection.ExecuteAsync("update llmring_api.api_keys set is_active = false");

        await Eventually.HoldsAsync(async () => await StatusAsync(strict, "known") == 401);
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    /// <summary>A server in strict mode that knows some keys.</summary>
    private async Task<LlmRingServer> StrictServerAsync(params (string Key, bool IsActive)[] keys)
    {
        var database = await DatabaseWithProjectsAsync();
        foreach (var (key, isActive) in keys)
        {
            await ExecuteAsync(
                database,
                "insert into llmring_api.api_keys values (gen_random_uuid(), gen_random_uuid(), @hash, @isActive)",
                new { hash = Hash(key), isActive });
        }

        return await ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
    }

    private static async Task<int> StatusAsync(LlmRingServer strict, string key)
    {
        using var client = new ApiClient(strict.Address, key);
        return (await client.GetAsync(Route)).Status;
    }

    private async Task<string> DatabaseWithProjectsAsync()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await ExecuteAsync(database, """
            create schema llmring_api;
            create table llmring_api.projects (id uuid primary key, user_id uuid not null);
            create table llmring_api.project_members (project_id uuid not null, user_id uuid not null);
            create table llmring_api.api_keys (id uuid primary key, project_id uuid, key_hash text not null, is_active bool not null);
            """);
        return database;
    }

    private static async Task ExecuteAsync(string database, string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync(sql, parameters);
    }
}
