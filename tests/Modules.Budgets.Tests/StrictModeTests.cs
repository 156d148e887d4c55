using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Modules.Budgets.Tests;

/// <summary>In strict mode a row has a key and a project; the project is the owner.</summary>
[ClassDataSource<BudgetsFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class StrictModeTests(BudgetsFixture server)
{
    private const string Secret = "a secret of this test";

    [Test]
    public async Task The_keys_of_a_project_share_its_budgets_and_its_webhooks_are_called()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using var strict = await server.StartAsync(database, ("API_KEY_VALIDATION_MODE", "strict"));
        var (firstKey, firstId) = await MakeKeyAsync(database, "create", "--project", "shop");
        var (secondKey, _) = await MakeKeyAsync(database, "create", "--project", "shop");
        var (successorKey, _) = await MakeKeyAsync(database, "rotate", firstId, "--grace", "24h");
        using var first = new ApiClient(strict.Address, firstKey);
        using var second = new ApiClient(strict.Address, secondKey);
        using var successor = new ApiClient(strict.Address, successorKey);

        var put = await first.PutAsync("/api/v1/budgets", new { alias = "deep", limit = 99 });
        var byAnother = await second.PutAsync(
            "/api/v1/budgets", new { alias = "deep", limit = 10, webhook_url = receiver.Url, webhook_secret = Secret });
        await first.PostAsync("/api/v1/log", Call(8));
        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 1));
        await successor.PostAsync("/api/v1/log", Call(2));
        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 2));

        await Assert.That((put.Status, byAnother.Status)).IsEqualTo((200, 200));
        await Assert.That((string?)byAnother["id"]).IsEqualTo((string?)put["id"]);
        await Assert.That(receiver.Received.Select(webhook => (string)webhook.Json["type"]!))
            .IsEquivalentTo(["budget.warning", "budget.exceeded"]);
        await Assert.That(receiver.Received.All(webhook => webhook.IsSignedWith(Secret, DateTimeOffset.UtcNow))).IsTrue();
        var budget = (await successor.GetAsync("/api/v1/budgets")).Json.AsArray().Single()!;
        await Assert.That(((decimal?)budget["spent"], (string?)budget["status"])).IsEqualTo((10m, "exceeded"));
    }

    [Test]
    public async Task A_key_that_moves_to_another_project_leaves_its_budgets_behind()
    {
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using var connection = new Npgsql.NpgsqlConnection(database);
        await using var strict = await server.StartAsync(database, ("API_KEY_VALIDATION_MODE", "strict"));
        var (key, id) = await MakeKeyAsync(database, "create", "--project", "shop");
        await MakeKeyAsync(database, "create", "--project", "bakery");
        using var client = new ApiClient(strict.Address, key);
        await client.PutAsync("/api/v1/budgets", new { limit = 1 });

        await Dapper.SqlMapper.ExecuteAsync(
            connection,
            """
            update llmring_api.api_keys
            set project_id = (select id from llmring_api.projects where name = 'bakery')
            where id = @id::uuid
            """,
            new { id });

        await Eventually.HoldsAsync(async () => (await client.GetAsync("/api/v1/budgets")).Json.AsArray().Count == 0);
        await Assert.That((await client.PutAsync("/api/v1/budgets", new { limit = 2 })).Status).IsEqualTo(200);
    }

    private static object Call(double cost) =>
        new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost, alias = "deep" };

    private static async Task<(string Key, string Id)> MakeKeyAsync(string database, params string[] arguments)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["keys", .. arguments, "--env", "prod"], ("DATABASE_URL", database));
        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        return (Key().Match(output).Value, Id().Match(output).Groups[1].Value);
    }

    [GeneratedRegex("llmring_[A-Za-z0-9_-]{43}")]
    private static partial Regex Key();

    [GeneratedRegex("Key ([0-9a-f-]{36})")]
    private static partial Regex Id();
}
