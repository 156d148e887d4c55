using System.Text.Json.Nodes;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Modules.Budgets.Tests;

[ClassDataSource<BudgetsFixture>(Shared = SharedType.PerTestSession)]
public sealed class BudgetTests(BudgetsFixture server)
{
    [Test]
    public async Task The_status_of_a_budget_goes_from_ok_over_warning_to_exceeded_and_back_with_the_next_month()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 11, 30, 23, 59, 59, TimeSpan.Zero));
        await using var own = await server.StartAsync(await server.Plain.Postgres.CreateDatabaseAsync(), clock);
        using var client = new ApiClient(own.Address, "k");

        var put = await client.PutAsync("/api/v1/budgets", new { limit = 10, warning_at = 0.5 });
        await LogAsync(client, 4.99);
        var ok = await BudgetAsync(client);
        await LogAsync(client, 0.01, "deep");
        var warning = await BudgetAsync(client);
        await LogAsync(client, 5);
        var exceeded = await BudgetAsync(client);
        clock.Advance(TimeSpan.FromSeconds(1));
        var nextMonth = await BudgetAsync(client);

        await Assert.That(put.Status).IsEqualTo(200);
        await Assert.That((decimal?)put["spent"]).IsEqualTo(0);
        await Assert.That(((decimal?)ok["spent"], (string?)ok["status"])).IsEqualTo((4.99m, "ok"));
        await Assert.That(((decimal?)warning["spent"], (string?)warning["status"])).IsEqualTo((5m, "warning"));
        await Assert.That(((decimal?)exceeded["spent"], (string?)exceeded["status"])).IsEqualTo((10m, "exceeded"));
        await Assert.That((string?)exceeded["month"]).IsEqualTo("2026-11");
        await Assert.That(((string?)nextMonth["month"], (decimal?)nextMonth["spent"], (string?)nextMonth["status"]))
            .IsEqualTo(("2026-12", 0m, "ok"));
    }

    [Test]
    public async Task A_budget_of_an_alias_counts_the_usage_of_that_alias_only()
    {
        using var client = server.NewClient();
        await client.PutAsync("/api/v1/budgets", new { alias = "deep", limit = 10 });
        await client.PutAsync("/api/v1/budgets", new { limit = 100 });

        await LogAsync(client, 9, "fast");
        await LogAsync(client, 8, "deep");

        var budgets = (await client.GetAsync("/api/v1/budgets")).Json.AsArray();
        await Assert.That(budgets.Select(budget => ((string?)budget!["alias"], (decimal?)budget["spent"], (string?)budget["status"])))
            .IsEquivalentTo([(null, 17m, "ok"), ("deep", (decimal?)8m, (string?)"warning")]);
    }

    [Test]
    public async Task A_second_put_replaces_the_budget()
    {
        using var client = server.NewClient();
        var first = await client.PutAsync("/api/v1/budgets", new { alias = "deep", limit = 10 });

        var second = await client.PutAsync("/api/v1/budgets", new { alias = "deep", limit = 20, warning_at = 0.9 });

        await Assert.That((string?)second["id"]).IsEqualTo((string?)first["id"]);
        var budget = await BudgetAsync(client);
        await Assert.That(((decimal?)budget["limit"], (decimal?)budget["warning_at"])).IsEqualTo((20m, 0.9m));
    }

    [Test]
    public async Task Another_key_neither_sees_nor_deletes_a_budget()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();
        var budget = await client.PutAsync("/api/v1/budgets", new { limit = 10 });

        var foreign = await other.DeleteAsync($"/api/v1/budgets/{budget["id"]}");
        await LogAsync(other, 99);

        await Assert.That(foreign.Status).IsEqualTo(404);
        await Assert.That((await other.GetAsync("/api/v1/budgets")).Json.AsArray()).IsEmpty();
        await Assert.That((decimal?)(await BudgetAsync(client))["spent"]).IsEqualTo(0);
        await Assert.That((await client.DeleteAsync($"/api/v1/budgets/{budget["id"]}")).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync("/api/v1/budgets")).Json.AsArray()).IsEmpty();
    }

    [Test]
    [Arguments("{}", "limit")]
    [Arguments("""{"limit": 0}""", "limit")]
    [Arguments("""{"limit": 10, "warning_at": 1}""", "warning_at")]
    [Arguments("""{"limit": 10, "webhook_url": "https://example.com"}""", "webhook_secret")]
    [Arguments("""{"limit": 10, "webhook_url": "https://example.com", "webhook_secret": "short"}""", "webhook_secret")]
    [Arguments("""{"limit": 10, "webhook_url": "file:///etc/passwd", "webhook_secret": "0123456789abcdef"}""", "webhook_url")]
    [Arguments(
        """{"limit": 10, "webhook_url": "http://169.254.169.254/latest/meta-data", "webhook_secret": "0123456789abcdef"}""",
        "webhook_url")]
    [Arguments("""{"limit": 10, "webhook_url": "http://[::ffff:10.0.0.1]/", "webhook_secret": "0123456789abcdef"}""", "webhook_url")]
    public async Task A_bad_budget_is_422_and_names_the_member(string body, string member)
    {
        using var client = server.NewClient();

        var refused = await client.PutAsync("/api/v1/budgets", body);

        await Assert.That(refused.Status).IsEqualTo(422);
        await Assert.That(refused["detail"]!.AsArray().Any(fault => (string?)fault!["loc"]![1] == member)).IsTrue().Because(refused.Text);
    }

    [Test]
    public async Task A_key_has_at_most_a_hundred_budgets()
    {
        using var client = server.NewClient();
        for (var i = 0; i < 100; i++)
            await Assert.That((await client.PutAsync("/api/v1/budgets", new { alias = $"a{i}", limit = 1 })).Status).IsEqualTo(200);

        var oneMore = await client.PutAsync("/api/v1/budgets", new { alias = "one-more", limit = 1 });
        var replaced = await client.PutAsync("/api/v1/budgets", new { alias = "a0", limit = 2 });

        await Assert.That((oneMore.Status, replaced.Status)).IsEqualTo((409, 200));
    }

    [Test]
    public async Task The_routes_are_in_the_OpenAPI_document()
    {
        using var client = server.NewClient();

        var document = await client.GetAsync("/openapi.json");

        var path = document["paths"]!["/api/v1/budgets"]!;
        await Assert.That(path["put"]!["requestBody"]!["content"]!["application/json"]!["example"]).IsNotNull();
        await Assert.That((string?)path["get"]!["tags"]![0]).IsEqualTo("budgets");
        await Assert.That(document["tags"]!.AsArray().Any(tag => (string?)tag!["name"] == "budgets")).IsTrue();
    }

    private static async Task<JsonNode> BudgetAsync(ApiClient client) => (await client.GetAsync("/api/v1/budgets")).Json[0]!;

    private static Task<ApiResponse> LogAsync(ApiClient client, double cost, string? alias = null) =>
        client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost, alias });
}
