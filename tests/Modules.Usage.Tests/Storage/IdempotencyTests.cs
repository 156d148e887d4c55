using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Usage.Tests.Storage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class IdempotencyTests(ServerFixture server)
{
    [Test]
    public async Task A_repeated_Idempotency_Key_answers_the_first_result_and_adds_nothing()
    {
        using var client = server.NewClient();

        var first = await client.PostAsync("/api/v1/log", UsageFaker.Usage(), ("Idempotency-Key", "retry-1"));
        var second = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", 99)), ("Idempotency-Key", "retry-1"));

        await Assert.That(second.Text).IsEqualTo(first.Text);
        await Assert.That(await CountAsync(client)).IsEqualTo(1);
    }

    [Test]
    public async Task A_repeated_id_answers_the_first_result_and_adds_nothing()
    {
        using var client = server.NewClient();
        var id = Guid.NewGuid();

        var first = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", id)));
        var second = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", id)));

        await Assert.That((Guid)first["log_id"]!).IsEqualTo(id);
        await Assert.That(second.Text).IsEqualTo(first.Text);
        await Assert.That(await CountAsync(client)).IsEqualTo(1);
    }

    [Test]
    public async Task Repeats_that_race_each_other_add_one_usage()
    {
        using var client = server.NewClient();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i =>
            client.PostAsync("/api/v1/log", UsageFaker.Usage(("cost", i)), ("Idempotency-Key", $"race-{i % 5}"))));

        await Assert.That(answers.Select(answer => answer.Text).Distinct().Count()).IsEqualTo(5);
        await Assert.That(await CountAsync(client)).IsEqualTo(5);
    }

    [Test]
    public async Task Repeats_that_race_each_other_on_two_hosts_add_one_usage()
    {
        await using var other = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var here = server.NewClient();
        using var there = new ApiClient(other.Address, here.Key);

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i =>
            (i % 2 == 0 ? here : there).PostAsync("/api/v1/log", UsageFaker.Usage(("cost", i)), ("Idempotency-Key", $"race-{i % 7}"))));

        await Assert.That(answers.Select(answer => answer.Text).Distinct().Count()).IsEqualTo(7);
        await Assert.That(await CountAsync(here)).IsEqualTo(7);
    }

    [Test]
    public async Task Two_scopes_may_use_the_same_key_and_the_same_id()
    {
        using var one = server.NewClient();
        using var two = server.NewClient();
        var usage = UsageFaker.Usage(("id", Guid.NewGuid()));

        await one.PostAsync("/api/v1/log", usage, ("Idempotency-Key", "shared"));
        usage["cost"] = 7;
        var answer = await two.PostAsync("/api/v1/log", usage, ("Idempotency-Key", "shared"));

        await Assert.That((decimal)answer["cost"]!).IsEqualTo(7);
        await Assert.That(await CountAsync(one)).IsEqualTo(1);
        await Assert.That(await CountAsync(two)).IsEqualTo(1);
    }

    [Test]
    public async Task A_repeat_by_either_of_key_and_id_answers_the_first_result()
    {
        using var client = server.NewClient();
        var (one, two) = (Guid.NewGuid(), Guid.NewGuid());

        var first = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", one)), ("Idempotency-Key", "a"));
        var byId = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", one)), ("Idempotency-Key", "b"));
        var byNewKey = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", two)), ("Idempotency-Key", "b"));
        var byNewId = await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id", two)));

        await Assert.That(byId.Text).IsEqualTo(first.Text);
        await Assert.That(byNewKey.Text).IsEqualTo(first.Text);
        await Assert.That(byNewId.Text).IsEqualTo(first.Text);
        await Assert.That(await CountAsync(client)).IsEqualTo(1);
    }

    [Test]
    public async Task A_repeat_of_one_that_failed_is_stored()
    {
        using var client = server.NewClient();

        var failed = await client.PostAsync("/api/v1/log", """{"provider":"p","model":"m","input_tokens":1,"output_tokens":1,"metadata":{"n":1e999999}}""", ("Idempotency-Key", "k"));
        var stored = await client.PostAsync("/api/v1/log", UsageFaker.Usage(), ("Idempotency-Key", "k"));

        await Assert.That(failed.Status).IsEqualTo(400);
        await Assert.That(stored.Status).IsEqualTo(200);
        await Assert.That(await CountAsync(client)).IsEqualTo(1);
    }

    [Test]
    public async Task An_id_at_origin_is_no_key()
    {
        using var client = server.NewClient();

        for (var i = 0; i < 2; i++)
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("id_at_origin", "msg_1")));

        await Assert.That(await CountAsync(client)).IsEqualTo(2);
    }

    [Test]
    public async Task A_member_of_the_body_named_Idempotency_Key_is_no_key()
    {
        using var client = server.NewClient();

        for (var i = 0; i < 2; i++)
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("Idempotency-Key", "from the body")));

        await Assert.That(await CountAsync(client)).IsEqualTo(2);
    }

    [Test]
    public async Task A_member_of_a_usage_of_a_batch_named_Idempotency_Key_is_no_key()
    {
        using var client = server.NewClient();

        for (var i = 0; i < 2; i++)
            await client.PostAsync("/api/v1/log/batch", new JsonArray(UsageFaker.Usage(("Idempotency-Key", "from the body"))));

        await Assert.That(await CountAsync(client)).IsEqualTo(2);
    }

    private static async Task<int> CountAsync(ApiClient client)
    {
        var rows = (await client.GetAsync("/api/v1/logs?limit=500")).Json.AsArray().Count;
        var counted = (int)(await client.GetAsync("/api/v1/stats"))["summary"]!["total_requests"]!;
        return rows == counted ? rows : throw new InvalidOperationException($"{rows} rows, but {counted} in the statistics.");
    }
}
