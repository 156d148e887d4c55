using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Host.Tests.Adoption;

/// <summary>A server starts on a database of the Python reference server.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AdoptionTests(ServerFixture server)
{
    private const string Since = "/api/v1/stats?start_date=2020-01-01";

    private const string Totals = """
        select count(*) as requests, sum(cost) as cost, sum(input_tokens + output_tokens)::bigint as tokens from llmring.usage_logs where
        """;

    [Test]
    public async Task Every_adopted_row_and_total_is_read_by_its_owner()
    {
        var database = await CreateAsync();
        await using var connection = new NpgsqlConnection(database);
        var keys = new Dictionary<string, (long Requests, decimal Cost, long Tokens)>();
        foreach (var key in ReferenceDatabase.Keys)
            keys[key] = await TotalsOfKeyAsync(connection, key);
        var ofProject = await connection.QuerySingleAsync<(long, decimal, long)>($"{Totals} project_id = @Project", new { ReferenceDatabase.Project });
        var before = await CountAsync(connection);
        var conversations = (await connection.QueryAsync<(Guid Id, string ApiKeyId, int Count, decimal Cost)>(
            "select id, api_key_id, message_count, total_cost from llmring.conversations where api_key_id is not null")).AsList();

        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream, ("ENFORCE_MEMBERSHIP_VERIFICATION", "false"));

        foreach (var (key, totals) in keys)
        {
            using var client = new ApiClient(adopted.Address, key);
            await Assert.That(SummaryOf(await client.GetAsync(Since))).IsEqualTo(totals);
            await Assert.That(await PagesAsync(client, "/api/v1/logs?start_date=2020-01-01&limit=500")).IsEqualTo((int)totals.Requests);
            await Assert.That((await client.GetAsync("/api/v1/mcp/servers")).Json.AsArray().Count(mcp => (string?)mcp!["auth_config"]?["token"] is ['s', 'e', 'c', ..])).IsEqualTo(key == ReferenceDatabase.Keys[2] ? 0 : 3);
            await Assert.That((await client.GetAsync("/api/v1/mcp/tools")).Json.AsArray().Count).IsEqualTo(12);
            await Assert.That((await client.GetAsync("/api/v1/templates")).Json.AsArray().Count(template => template!["api_key_id"] is null)).IsEqualTo(3);
            var tool = (string)(await client.GetAsync("/api/v1/mcp/tools")).Json[0]!["id"]!;
            await Assert.That((await client.GetAsync($"/api/v1/mcp/tools/{tool}/history")).Json.AsArray().Count).IsGreaterThan(0);
        }

        using (var client = new ApiClient(adopted.Address, null))
        {
            var stats = await client.GetAsync(Since, ("X-User-ID", $"{Guid.NewGuid()}"), ("X-Project-ID", $"{ReferenceDatabase.Project}"));
            await Assert.That(SummaryOf(stats)).IsEqualTo(ofProject);
        }

        foreach (var conversation in conversations)
        {
            using var client = new ApiClient(adopted.Address, conversation.ApiKeyId);
            var read = await client.GetAsync($"/conversations/{conversation.Id}");
            await Assert.That(((int)read["message_count"]!, (decimal)read["total_cost"]!)).IsEqualTo((conversation.Count, conversation.Cost));
            await Assert.That(read["messages"]!.AsArray().Count).IsEqualTo(10);
        }

        await Assert.That(await CountAsync(connection)).IsEquivalentTo(before);
        await Assert.That(await connection.QueryAsync<string>("""
            select tgname from pg_trigger where not tgisinternal and tgname in (
                'update_conversation_on_message', 'update_conversation_templates_updated_at', 'tr_mcp_servers_updated_at')
            """)).IsEmpty();
    }

    [Test]
    public async Task Statistics_are_exact_while_the_rollups_of_adopted_usages_are_incomplete()
    {
        var database = await CreateAsync(usages: 6_000);
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        var key = ReferenceDatabase.Keys[0];
        var (requests, cost, _) = await TotalsOfKeyAsync(connection, key);
        await Assert.That((await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database))).Output).Contains("up to date");
        // Some of the rollups are complete, and a row lock keeps the server from completing more.
        for (var step = 0; step < 7; step++)
            await connection.ExecuteAsync("select llmring.usage_backfill_step(400)");
        await using var holding = await connection.BeginTransactionAsync();
        await connection.ExecuteAsync("select from llmring.usage_backfill for update");

        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(adopted.Address, key);
        await Assert.That(SummaryOf(await client.GetAsync(Since)).Cost).IsEqualTo(cost);
        await Assert.That((await client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost = 3 })).Status).IsEqualTo(200);
        await Assert.That(SummaryOf(await client.GetAsync(Since))).IsEqualTo((requests + 1, cost + 3, SummaryOf(await client.GetAsync(Since)).Tokens));
        var costs = await adopted.Services.GetRequiredService<IUsageTotals>().GetCostsAsync(
            Scope.OfApiKey(key), new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), DateTimeOffset.UtcNow.AddDays(1), [], CancellationToken.None);
        await Assert.That(costs.Total).IsEqualTo(cost + 3);
        var partly = (await ServerProcess.RunAsync(["db", "status", "--env", "prod"], ("DATABASE_URL", database))).Output;
        await holding.CommitAsync();

        // Each request has another end date, so that no answer comes from the cache.
        for (var (asked, pending) = (0, true); pending; asked++)
        {
            pending = await connection.ExecuteScalarAsync<bool>("select exists (select from llmring.usage_backfill where pending_until > '-infinity')");
            await Assert.That(SummaryOf(await client.GetAsync($"{Since}&end_date={DateTime.UtcNow.AddDays(1 + asked):yyyy-MM-dd}"))).IsEqualTo((requests + 1, cost + 3, SummaryOf(await client.GetAsync(Since)).Tokens));
        }

        await Assert.That(await connection.ExecuteScalarAsync<bool>("""
            select (select sum(requests) from llmring.usage_rollups where granularity = 'hour') = (select sum((api_key_id is not null)::int + (project_id is not null)::int) from llmring.usage_logs)
                and (select sum(n) from llmring.usage_rollups, unnest(latencies) as n where granularity = 'day')
                    = (select sum((api_key_id is not null)::int + (project_id is not null)::int) from llmring.usage_logs where latency_ms is not null)
            """)).IsTrue();
        var complete = (await ServerProcess.RunAsync(["db", "status", "--env", "prod"], ("DATABASE_URL", database))).Output;
        await Assert.That(partly).Contains("adopted keys and projects are made, the others follow while the server runs");
        await Assert.That(complete).Contains("those of all 4 adopted keys and projects are made").And.DoesNotContain("follow");
        foreach (var table in (string[])["llmring.usage_logs", "llmring.conversations", "llmring.messages", "llmring.conversation_templates", "mcp_client.servers", "mcp_client.tool_executions"])
            await Assert.That(complete).Contains($"{table} ");
        await Assert.That(complete).Contains("with 6000 rows").And.Contains("with 600 rows");
    }

    [Test]
    public async Task Usages_that_are_logged_during_the_backfill_are_all_stored_and_counted()
    {
        var database = await CreateAsync(usages: 20_000);
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        var key = ReferenceDatabase.Keys[0];
        var (requests, cost, _) = await TotalsOfKeyAsync(connection, key);
        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream);

        var logged = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            using var client = new ApiClient(adopted.Address, key);
            for (var isPending = true; isPending;)
            {
                await using var looking = new NpgsqlConnection(database);
                isPending = await looking.ExecuteScalarAsync<bool>("select exists (select from llmring.usage_backfill where pending_until > '-infinity')");
                var answer = await client.PostAsync("/api/v1/log", new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1, cost = 1 });
                await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
                Interlocked.Increment(ref logged);
            }
        }));

        using var reader = new ApiClient(adopted.Address, key);
        var (counted, spent, _) = SummaryOf(await reader.GetAsync(Since));
        await Assert.That((counted, spent)).IsEqualTo((requests + logged, cost + logged));
        await Assert.That(await PagesAsync(reader, "/api/v1/logs?start_date=2020-01-01&limit=500")).IsEqualTo((int)requests + logged);
    }

    [Test]
    public async Task In_strict_mode_adopted_rows_of_a_key_belong_to_its_project_and_count_once()
    {
        var database = await CreateAsync(usages: 6_000);
        await using var connection = new NpgsqlConnection(database);
        await connection.OpenAsync();
        var (first, second) = (Guid.NewGuid(), Guid.NewGuid());
        // In strict mode the reference server stores the id of the key and no project.
        foreach (var table in (string[])["llmring.usage_logs", "llmring.conversations", "llmring.conversation_templates", "mcp_client.servers", "mcp_client.tools", "mcp_client.resources", "mcp_client.prompts"])
        {
            await connection.ExecuteAsync(
                $"update {table} set api_key_id = case api_key_id when 'sk-beta' then @first else @second end where api_key_id in ('sk-beta', 'sk-gamma')",
                new { first = $"{first}", second = $"{second}" });
        }

        await connection.ExecuteAsync(
            """
            create schema llmring_api;
            create table llmring_api.api_keys (id uuid primary key, project_id uuid, key_hash text not null, is_active bool not null);
            insert into llmring_api.api_keys values (@first, @Project, encode(sha256('first'), 'hex'), true), (@second, @Project, encode(sha256('second'), 'hex'), true)
            """,
            new { first, second, ReferenceDatabase.Project });
        const string Owned = "(project_id = @Project or api_key_id in (@first, @second))";
        var owner = new { ReferenceDatabase.Project, first = $"{first}", second = $"{second}" };
        var (requests, cost, tokens) = await connection.QuerySingleAsync<(long, decimal, long)>($"{Totals} {Owned}", owner);
        var conversations = await connection.ExecuteScalarAsync<int>($"select count(*)::int from llmring.conversations where {Owned}", owner);
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", database));
        // The backfill of the project has passed some of its rows, but not all.
        for (var step = 0; step < 7; step++)
            await connection.ExecuteAsync("select llmring.usage_backfill_step(400)");
        await Assert.That(await connection.ExecuteScalarAsync<bool>(
            "select bool_and(isfinite(pending_until)) from llmring.usage_backfill where scope like 'project:%'")).IsTrue();

        for (var start = 0; start < 2; start++)
        {
            await using var adopted = await ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
            using var client = new ApiClient(adopted.Address, start == 0 ? "first" : "second");
            await Assert.That(SummaryOf(await client.GetAsync(Since))).IsEqualTo((requests, cost, tokens));
            await Assert.That(await PagesAsync(client, "/api/v1/logs?start_date=2020-01-01&limit=500")).IsEqualTo((int)requests);
            await Assert.That((await client.GetAsync("/conversations?limit=100")).Json.AsArray().Count).IsEqualTo(conversations);
            await Assert.That((await client.GetAsync("/api/v1/mcp/servers")).Json.AsArray().Count).IsEqualTo(6);
            await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>(
                "select not exists (select from llmring.usage_backfill where pending_until > '-infinity')"));
            await Assert.That(SummaryOf(await client.GetAsync($"{Since}&end_date={DateTime.UtcNow.AddDays(1 + start):yyyy-MM-dd}"))).IsEqualTo((requests, cost, tokens));
        }

        await Assert.That(await connection.ExecuteScalarAsync<bool>("""
            select (select sum(requests) from llmring.usage_rollups where granularity = 'hour') = (select sum((api_key_id is not null)::int + (project_id is not null)::int) from llmring.usage_logs)
            """)).IsTrue();

        // Rows that the reference server writes later are counted, too.
        await connection.ExecuteAsync("insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost) values (@key, 'm', 'p', 1, 1, 0.5)", new { key = $"{first}" });
        await using var beside = await ServerFixture.StartAsync(database, server.Upstream, ("API_KEY_VALIDATION_MODE", "strict"));
        using var reader = new ApiClient(beside.Address, "second");
        await Assert.That(SummaryOf(await reader.GetAsync(Since))).IsEqualTo((requests + 1, cost + 0.5m, tokens + 2));
    }

    [Test]
    public async Task Rows_that_the_reference_server_writes_after_the_adoption_count_once()
    {
        var database = await CreateAsync(usages: 50);
        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(adopted.Address, "sk-delta");
        await using var connection = new NpgsqlConnection(database);

        var log = await connection.ExecuteScalarAsync<Guid>("""
            insert into llmring.usage_logs (api_key_id, model, provider, alias, profile, input_tokens, output_tokens, cached_input_tokens, cost, latency_ms, origin, metadata, created_at, project_id)
            values ('sk-delta', 'gpt-4.1', 'openai', 'fast', 'default', 1000, 10, 0, 0.25, 1200, 'api', '{}', now(), null) returning id
            """);
        await connection.ExecuteAsync("insert into llmring.usage_logs (api_key_id, model, provider, input_tokens, output_tokens, cost) values ('sk-delta', 'gpt-4.1', 'openai', 1, 1, 0.5)");
        var conversation = await connection.ExecuteScalarAsync<Guid>("insert into llmring.conversations (api_key_id, title, model_alias) values ('sk-delta', 'Old way', 'fast') returning id");
        foreach (var content in (string[])["first", "second"])
        {
            await connection.ExecuteAsync("""
                insert into llmring.messages (conversation_id, role, content, input_tokens, output_tokens, metadata)
                values (@conversation, 'user', @content, 5, null, '{"cost": 0.125}')
                """, new { conversation, content });
        }

        var template = await connection.ExecuteScalarAsync<Guid>("insert into llmring.conversation_templates (api_key_id, name, created_by) values ('sk-delta', 'T', 'me') returning id");
        await connection.ExecuteAsync("update llmring.conversation_templates set usage_count = usage_count + 1, last_used_at = now() where id = @template", new { template });
        var mcp = await connection.ExecuteScalarAsync<Guid>("insert into mcp_client.servers (name, url, transport_type, api_key_id) values ('s', 'https://93.184.215.14/', 'http', 'sk-delta') returning id");
        await connection.ExecuteAsync("insert into mcp_client.tools (server_id, name, input_schema, api_key_id) values (@mcp, 't', '{}', 'sk-delta')", new { mcp });
        await client.PostAsync($"/conversations/{conversation}/messages", new { role = "user", content = "third" });
        await client.PostAsync("/api/v1/log", new { provider = "openai", model = "gpt-4.1", input_tokens = 1, output_tokens = 1, cost = 1 });

        await Assert.That(SummaryOf(await client.GetAsync(Since))).IsEqualTo((3, 1.75m, 1014));
        var logs = (await client.GetAsync("/api/v1/logs")).Json.AsArray();
        await Assert.That(logs.Select(row => (string)row!["cost_source"]!).Distinct()).IsEquivalentTo(["client"]);
        await Assert.That(logs.Any(row => (Guid)row!["id"]! == log)).IsTrue();
        var read = await client.GetAsync($"/conversations/{conversation}");
        await Assert.That(((int)read["message_count"]!, (int)read["total_input_tokens"]!, (decimal)read["total_cost"]!)).IsEqualTo((3, 10, 0.25m));
        await Assert.That(string.Join(' ', read["messages"]!.AsArray().Select(message => (string?)message!["content"]))).IsEqualTo("first second third");
        await Assert.That((await client.GetAsync("/conversations/search?q=second")).Json.AsArray().Count).IsEqualTo(1);
        await Assert.That((int)(await client.GetAsync($"/api/v1/templates/{template}"))["usage_count"]!).IsEqualTo(1);
        await Assert.That((await client.GetAsync("/api/v1/mcp/tools")).Json.AsArray().Count).IsEqualTo(1);

        // The reference server reads the rows that this server wrote.
        await Assert.That(await connection.ExecuteScalarAsync<decimal>("""
            select sum(cost) from llmring.usage_logs where api_key_id = 'sk-delta' and created_at >= now() - interval '30 days'
            """)).IsEqualTo(1.75m);
        await Assert.That(await connection.ExecuteScalarAsync<int>("""
            select count(*)::int from llmring.messages where conversation_id = @conversation and role is not null and metadata is not null
            """, new { conversation })).IsEqualTo(3);
    }

    private async Task<string> CreateAsync(int usages = 3_000)
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await ReferenceDatabase.CreateAsync(connection, usages);
        return database;
    }

    private static Task<(long Requests, decimal Cost, long Tokens)> TotalsOfKeyAsync(NpgsqlConnection connection, string key) =>
        connection.QuerySingleAsync<(long, decimal, long)>($"{Totals} api_key_id = @key", new { key });

    private static (long Requests, decimal Cost, long Tokens) SummaryOf(ApiResponse stats) => (
        (long)stats["summary"]!["total_requests"]!,
        decimal.Parse((string)stats["summary"]!["total_cost"]!, System.Globalization.CultureInfo.InvariantCulture),
        (long)stats["summary"]!["total_tokens"]!);

    private static async Task<int> PagesAsync(ApiClient client, string path)
    {
        var seen = new HashSet<Guid>();
        for (var offset = 0; ; offset += 500)
        {
            var page = (await client.GetAsync($"{path}&offset={offset}")).Json.AsArray();
            seen.UnionWith(page.Select(row => (Guid)row!["id"]!));
            if (page.Count < 500)
                return seen.Count;
        }
    }

    private static async Task<Dictionary<string, long>> CountAsync(NpgsqlConnection connection)
    {
        var counts = new Dictionary<string, long>();
        foreach (var table in (string[])[
            "llmring.usage_logs", "llmring.conversations", "llmring.messages", "llmring.conversation_templates", "llmring.schema_migrations",
            "mcp_client.servers", "mcp_client.tools", "mcp_client.resources", "mcp_client.prompts", "mcp_client.tool_executions"])
            counts[table] = await connection.ExecuteScalarAsync<long>($"select count(*) from {table}");
        return counts;
    }
}
