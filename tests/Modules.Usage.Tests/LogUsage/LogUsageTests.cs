using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.LogUsage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class LogUsageTests(ServerFixture server)
{
    [Test]
    public async Task A_log_answers_its_id_its_cost_and_its_time()
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", 123.000000075m)));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((decimal)answer["cost"]!).IsEqualTo(123.000000075m);
        await Assert.That((string?)answer["cost_source"]).IsEqualTo("client");
        await Assert.That(Guid.Parse((string)answer["log_id"]!)).IsNotEqualTo(Guid.Empty);
        var logged = DateTimeOffset.Parse((string)answer["timestamp"]!, CultureInfo.InvariantCulture);
        await Assert.That(logged).IsBetween(DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddMinutes(1));
    }

    [Test]
    public async Task All_members_are_stored_as_sent()
    {
        using var client = server.NewClient();
        var sent = JsonNode.Parse("""
            {"provider": "anthropic", "model": "claude", "input_tokens": 10, "output_tokens": 20, "cached_input_tokens": 5, "cost": 1.5, "alias": "deep",
             "profile": "prod", "origin": "svc", "id_at_origin": "req-1", "latency_ms": 12, "metadata": {"ä": [1, {"b": null}]}, "unknown": 1, "api_key_id": "x"}
            """)!.AsObject();

        var logged = await client.PostAsync("/api/v1/log", sent);
        var row = (await client.GetAsync("/api/v1/logs")).Json[0]!;

        foreach (var member in (string[])["provider", "model", "input_tokens", "output_tokens", "cached_input_tokens", "cost", "alias", "profile", "origin", "id_at_origin", "latency_ms", "metadata"])
            await Assert.That(JsonNode.DeepEquals(row[member], sent[member])).IsTrue();
        await Assert.That((string?)row["id"]).IsEqualTo((string?)logged["log_id"]);
        await Assert.That((string?)row["logged_at"]).IsEqualTo((string?)logged["timestamp"]);
        await Assert.That(row["conversation_id"]).IsNull();
    }

    [Test]
    public async Task Null_and_absent_members_take_their_defaults()
    {
        using var client = server.NewClient();

        await client.PostAsync("/api/v1/log", """{"provider":"p","model":"m","input_tokens":1,"output_tokens":2,"cost":null,"alias":null,"profile":null,"metadata":null,"cached_input_tokens":null}""");

        var row = (await client.GetAsync("/api/v1/logs")).Json[0]!;
        await Assert.That((string?)row["profile"]).IsEqualTo("default");
        await Assert.That((int)row["cached_input_tokens"]!).IsEqualTo(0);
        await Assert.That(row["metadata"]!.ToJsonString()).IsEqualTo("{}");
        await Assert.That(row["alias"]).IsNull();
    }

    [Test]
    [Arguments("openai", "gpt-4.1", 0.0028)]
    [Arguments("openai", "openai:gpt-4.1", 0.0028)]
    [Arguments("openai", "gpt-4.1-2025-04-14", 0.0028)]
    [Arguments("anthropic", "claude-sonnet-4-5", 0.0045)]
    [Arguments("google", "gemini-2.5-flash", 0.00055)]
    public async Task A_log_without_cost_is_priced_from_the_registry(string provider, string model, decimal cost)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(
            ("provider", provider), ("model", model), ("input_tokens", 1_000), ("output_tokens", 100), ("cost", null)));

        await Assert.That((decimal)answer["cost"]!).IsEqualTo(cost);
        await Assert.That((string?)answer["cost_source"]).IsEqualTo("registry");
        await Assert.That((string?)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_cost"]).IsEqualTo(cost.ToString(CultureInfo.InvariantCulture));
    }

    [Test]
    public async Task Cached_written_and_reasoning_tokens_have_their_own_rates()
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", """
            {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 250000, "output_tokens": 1000, "cached_input_tokens": 100000,
             "cache_write_5m_tokens": 10000, "cache_write_1h_tokens": 10000, "reasoning_tokens": 500}
            """);

        await Assert.That((decimal)answer["cost"]!).IsEqualTo((130_000 * 6m + 100_000 * 0.6m + 10_000 * 7.5m + 10_000 * 12m + 1_000 * 22.5m) / 1_000_000);
    }

    [Test]
    public async Task A_model_that_the_registry_does_not_know_is_stored_unpriced()
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("model", "nobody-knows-it"), ("cost", null)));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((decimal)answer["cost"]!).IsEqualTo(0);
        await Assert.That((string?)answer["cost_source"]).IsEqualTo("unpriced");
        await Assert.That((string?)(await client.GetAsync("/api/v1/logs")).Json[0]!["cost_source"]).IsEqualTo("unpriced");
    }

    [Test]
    [Arguments("""{}""", "provider")]
    [Arguments("""{"provider":"","model":"m","input_tokens":1,"output_tokens":1}""", "provider")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":-1,"output_tokens":1}""", "input_tokens")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":"1","output_tokens":1}""", "input_tokens")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1.5,"output_tokens":1}""", "input_tokens")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1099511627776}""", "output_tokens")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"cost":-0.1}""", "cost")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"cost":"1"}""", "cost")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"cost":1e400}""", "cost")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":[1]}""", "metadata")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":"text"}""", "metadata")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"a":"\u0000"}}""", "metadata")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"alias":"a\u0000"}""", "alias")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"alias":"\ud800"}""", "alias")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"latency_ms":-5}""", "latency_ms")]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"id":"no-uuid"}""", "id")]
    public async Task An_invalid_member_is_refused_by_name_and_nothing_is_stored(string body, string member)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]!.AsArray().Select(fault => fault!["loc"]!.ToJsonString())).Contains($"""["body","{member}"]""");
        await Assert.That((await client.GetAsync("/api/v1/logs")).Text).IsEqualTo("[]");
    }

    [Test]
    [Arguments("", 422)]
    [Arguments("[]", 422)]
    [Arguments("null", 422)]
    [Arguments("{", 422)]
    [Arguments("\"text\"", 422)]
    [Arguments("""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"huge":1e999999}}""", 400)]
    public async Task A_body_of_another_form_is_refused_and_nothing_is_stored(string body, int status)
    {
        using var client = server.NewClient();

        var answer = await client.PostAsync("/api/v1/log", body);

        await Assert.That(answer.Status).IsEqualTo(status);
        await Assert.That((await client.GetAsync("/api/v1/logs")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task Too_long_and_too_deep_values_are_refused_and_nothing_is_stored()
    {
        using var client = server.NewClient();
        var deep = $$$"""{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"a":{{{new string('[', 2000)}}}{{{new string(']', 2000)}}}}}""";

        foreach (var (body, status) in ((object, int)[])[
            (deep, 422),
            (UsageFaker.Usage(("model", new string('m', 300))), 422),
            (UsageFaker.Usage(("provider", new string('p', 51))), 422),
            (UsageFaker.Usage(("profile", new string('p', 65))), 422),
            (UsageFaker.Usage(("metadata", new JsonObject { ["a"] = new string('x', 2_000_000) })), 413)])
        {
            await Assert.That((await client.PostAsync("/api/v1/log", body)).Status).IsEqualTo(status);
        }

        await Assert.That((await client.GetAsync("/api/v1/logs")).Text).IsEqualTo("[]");
    }

    [Test]
    public async Task The_longest_values_of_every_member_are_stored()
    {
        using var client = server.ClientWithKey(new string('k', 200) + Guid.NewGuid().ToString("N"));
        static string Longest(int length) => string.Concat(Enumerable.Range(0, length / 2).Select(i => char.ConvertFromUtf32(0x20000 + i * 7919 % 40000)));
        var usage = UsageFaker.Usage(
            ("provider", Longest(50)), ("model", Longest(255)), ("alias", Longest(128)), ("profile", Longest(64)), ("origin", Longest(255)), ("id_at_origin", Longest(255)));

        var answer = await client.PostAsync("/api/v1/log", usage, ("Idempotency-Key", new string('i', 255)));

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)(await client.GetAsync("/api/v1/logs")).Json[0]!["model"]).IsEqualTo((string?)usage["model"]);
    }

    [Test]
    public async Task A_usage_that_cannot_be_stored_does_not_fail_its_neighbours()
    {
        using var client = server.NewClient();
        var good = Enumerable.Range(0, 40).Select(_ => client.PostAsync("/api/v1/log", UsageFaker.Usage()));
        // Only PostgreSQL finds out: the number is beyond what jsonb can hold.
        var bad = Enumerable.Range(0, 5).Select(_ => client.PostAsync("/api/v1/log", """{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"n":1e999999}}"""));

        var answers = await Task.WhenAll(good.Concat(bad));

        await Assert.That(answers.Count(answer => answer.Status == 200)).IsEqualTo(40);
        await Assert.That(answers.Count(answer => answer.Status == 400)).IsEqualTo(5);
        await Assert.That((int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!).IsEqualTo(40);
    }

    [Test]
    public async Task A_usage_that_cannot_be_stored_does_not_fail_the_next_one_on_its_connection()
    {
        await using var host = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(host.Address, "k");

        // One of the refusals meets the execution that prepares the statement.
        var statuses = new List<int>();
        foreach (var isGood in (bool[])[true, false, true, true, false, true])
        {
            object usage = isGood
                ? UsageFaker.Usage()
                : """{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"n":1e999999}}""";
            statuses.Add((await client.PostAsync("/api/v1/log", usage)).Status);
        }

        await Assert.That(string.Join(' ', statuses)).IsEqualTo("200 400 200 200 400 200");
    }

    [Test]
    public async Task A_log_is_refused_with_503_while_the_queue_is_full_and_stored_afterwards()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        using var client = new ApiClient(host.Address, "k");
        await using var holder = new NpgsqlConnection(database);
        await holder.OpenAsync();
        await using var holding = await holder.BeginTransactionAsync();
        await holder.ExecuteAsync("lock table llmring.usage_logs in exclusive mode", transaction: holding);
        await using var observer = new NpgsqlConnection(database);

        // The writer waits for the table with one usage, and the queue takes 8,192 more.
        var first = client.PostAsync("/api/v1/log", UsageFaker.Usage());
        await Eventually.HoldsAsync(() => observer.ExecuteScalarAsync<bool>(
            "select exists (select from pg_locks where not granted and relation = 'llmring.usage_logs'::regclass)"));
        var writer = host.Services.GetRequiredService<UsageBatchWriter>();
        var queued = new List<Task<LogResult>>();
        while (writer.TryWrite(Record()) is { } waiting)
            queued.Add(waiting);
        var refused = await client.PostAsync("/api/v1/log", UsageFaker.Usage());
        await holding.CommitAsync();
        await Task.WhenAll(queued);

        await Assert.That(queued.Count).IsEqualTo(8_192);
        await Assert.That(refused.Status).IsEqualTo(503);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("1");
        await Assert.That((await first).Status).IsEqualTo(200);
        await Assert.That((await client.PostAsync("/api/v1/log", UsageFaker.Usage())).Status).IsEqualTo(200);
        await Assert.That((int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!).IsEqualTo(8_194);

        static UsageRecord Record() => new()
        {
            Id = Guid.NewGuid(),
            Scope = Scope.OfApiKey("k"),
            CreatedAt = DateTime.UtcNow,
            Provider = "p",
            Model = "m",
            Profile = "default",
            Tokens = new TokenCounts(1, 1, 0, 0, 0, 0),
            Cost = 0,
            CostSource = CostSources.Client,
            Metadata = "{}",
        };
    }

    [Test]
    public async Task Without_a_key_nothing_is_logged() =>
        await Assert.That((await server.ClientWithKey(null).PostAsync("/api/v1/log", "{")).Status).IsEqualTo(401);
}
