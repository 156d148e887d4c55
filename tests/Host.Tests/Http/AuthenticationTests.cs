using System.Security.Cryptography;
using System.Text;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Http;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AuthenticationTests(ServerFixture server)
{
    private const string Route = "/api/v1/logs";

    [Test]
    [Arguments(null)]
    [Arguments("   ")]
    public async Task Without_a_key_the_answer_is_401(string? key)
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, key is null ? [] : [("X-API-Key", key)]);

        await Assert.That(answer.Status).IsEqualTo(401);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Authentication required: provide X-API-Key or (X-User-ID + X-Project-ID)");
    }

    [Test]
    public async Task A_key_of_255_characters_is_accepted_and_one_of_256_is_too_long()
    {
        var longest = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", new string('k', 255)));
        var tooLong = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", new string('k', 256)));

        await Assert.That(longest.Status).IsEqualTo(200);
        await Assert.That(tooLong.Status).IsEqualTo(400);
        await Assert.That((string?)tooLong["detail"]).IsEqualTo("X-API-Key too long");
    }

    [Test]
    public async Task A_key_with_whitespace_inside_is_refused_and_around_it_ignored()
    {
        var inside = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", "two words"));
        var around = await server.ClientWithKey(null).GetAsync(Route, ("X-API-Key", "  word  "));

        await Assert.That(inside.Status).IsEqualTo(400);
        await Assert.That((string?)inside["detail"]).IsEqualTo("X-API-Key must not contain whitespace");
        await Assert.That(around.Status).IsEqualTo(200);
    }

    [Test]
    public async Task A_bearer_token_alone_lets_nobody_in_and_beside_a_key_it_is_ignored()
    {
        var alone = await server.ClientWithKey(null).GetAsync(Route, ("Authorization", "Bearer k"));
        var beside = await server.ClientWithKey("k").GetAsync(Route, ("Authorization", "Bearer other"));

        await Assert.That(alone.Status).IsEqualTo(401);
        await Assert.That(beside.Status).IsEqualTo(200);
    }

    [Test]
    public async Task Authentication_comes_before_the_validation_of_the_body()
    {
        var answer = await server.ClientWithKey(null).PostAsync("/api/v1/log", "{ no json");

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task User_headers_must_be_uuids()
    {
        var answer = await server.ClientWithKey(null).GetAsync(Route, ("X-User-ID", "anna"), ("X-Project-ID", Guid.NewGuid().ToString()));

        await Assert.That(answer.Status).IsEqualTo(400);
        await Assert.That((string?)answer["detail"]).Contains("Invalid UUID format");
    }

    [Test]
    public async Task Without_the_tables_of_projects_nobody_is_a_member_and_no_key_is_known()
    {
        var (user, project) = (Guid.NewGuid().ToString(), Guid.NewGuid().ToString());
        var member = await server.ClientWithKey(null).GetAsync(Route, ("X-User-ID", user), ("X-Project-ID", project));
        await using var strict = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var client = new ApiClient(strict.Address, "some-key");
        var key = await client.GetAsync(Route);

        await Assert.That(member.Status).IsEqualTo(404);
        await Assert.That((string?)member["detail"]).IsEqualTo("Project not found");
        await Assert.That(key.Status).IsEqualTo(401);
        await Assert.That((string?)key["detail"]).IsEqualTo("Invalid API key");
    }

    [Test]
    public async Task Owners_and_members_of_a_project_share_its_scope_and_others_are_refused()
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
    public async Task User_headers_from_a_peer_that_is_no_trusted_proxy_are_as_good_as_absent()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("TRUSTED_PROXIES", "10.0.0.0/8"), ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync(
            Route, ("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", Guid.NewGuid().ToString()), ("X-Forwarded-For", "10.0.0.1"));

        await Assert.That(answer.Status).IsEqualTo(401);
    }

    [Test]
    public async Task A_trusted_proxy_is_believed_also_when_it_names_the_client_it_forwards_for()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));
        using var client = new ApiClient(own.Address, null);

        var answer = await client.GetAsync(
            Route, ("X-User-ID", Guid.NewGuid().ToString()), ("X-Project-ID", Guid.NewGuid().ToString()), ("X-Forwarded-For", "203.0.113.9"));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    public async Task Where_no_proxy_is_trusted_nobody_says_whom_he_forwards_for()
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
    public async Task Tables_of_keys_and_projects_that_cannot_be_used_let_nobody_in(string spoil)
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
    public async Task In_strict_mode_a_key_must_be_known_and_active_and_a_revoked_one_is_refused_soon()
    {
        var database = await DatabaseWithProjectsAsync();
        await ExecuteAsync(
            database,
            "insert into llmring_api.api_keys values (gen_random_uuid(), gen_random_uuid(), @known, true), (gen_random_uuid(), gen_random_uuid(), @inactive, false)",
            new { known = Hash("known"), inactive = Hash("inactive") });
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var known = new ApiClient(own.Address, "known");
        using var inactive = new ApiClient(own.Address, "inactive");
        using var unknown = new ApiClient(own.Address, "unknown");

        await Assert.That((await known.GetAsync(Route)).Status).IsEqualTo(200);
        await Assert.That((await inactive.GetAsync(Route)).Status).IsEqualTo(401);
        await Assert.That((await unknown.GetAsync(Route)).Status).IsEqualTo(401);

        await ExecuteAsync(database, "update llmring_api.api_keys set is_active = false");
        await Eventually.HoldsAsync(async () => (await known.GetAsync(Route)).Status == 401);
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

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
