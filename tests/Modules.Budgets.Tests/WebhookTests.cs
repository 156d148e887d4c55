using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Budgets.Tests;

[ClassDataSource<BudgetsFixture>(Shared = SharedType.PerTestSession)]
public sealed class WebhookTests(BudgetsFixture server)
{
    private const string Secret = "a secret of this test";

    [Test]
    public async Task Each_threshold_is_reported_once_by_a_signed_webhook()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        using var client = server.NewClient();
        await client.PutAsync("/api/v1/budgets", new { alias = "deep", limit = 10, webhook_url = receiver.Url, webhook_secret = Secret });

        await LogAsync(client, 8);
        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 1));
        await LogAsync(client, 1);
        await LogAsync(client, 2);
        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 2));
        await LogAsync(client, 3);
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]!["delivered_at"] is not null);

        var reports = receiver.Received.ToList();
        await Assert.That(reports.Select(webhook => (string)webhook.Json["type"]!)).IsEquivalentTo(["budget.warning", "budget.exceeded"]);
        await Assert.That(reports.All(webhook => webhook.IsSignedWith(Secret, DateTimeOffset.UtcNow))).IsTrue();
        await Assert.That(reports.Any(webhook => webhook.IsSignedWith("another secret here", DateTimeOffset.UtcNow))).IsFalse();
        await Assert.That(((string?)reports[0].Json["alias"], (decimal?)reports[0].Json["threshold"], (decimal?)reports[0].Json["spent"]))
            .IsEqualTo(("deep", 8m, 8m));
    }

    [Test]
    public async Task A_webhook_that_fails_is_sent_again()
    {
        await using var receiver = await WebhookReceiver.StartAsync(failures: 2);
        using var client = server.NewClient();
        await client.PutAsync(
            "/api/v1/budgets", new { limit = 10, warning_at = 0.99, webhook_url = receiver.Url, webhook_secret = Secret });

        await LogAsync(client, 9.95);

        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]?["delivered_at"] is not null);
        var alert = (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]!;
        await Assert.That((int?)alert["attempts"]).IsEqualTo(3);
        await Assert.That(receiver.Received.Select(webhook => (string?)webhook.Json["id"]).Distinct().Count()).IsEqualTo(1);
        await Assert.That(receiver.Received.Count).IsEqualTo(3);
    }

    [Test]
    public async Task After_a_restart_only_thresholds_that_were_not_reported_before_are_reported()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using (var first = await server.StartAsync(database))
        {
            using var client = new ApiClient(first.Address, "k");
            await client.PutAsync("/api/v1/budgets", new { limit = 10, webhook_url = receiver.Url, webhook_secret = Secret });
            await LogAsync(client, 8);
            await Eventually.HoldsAsync(
                async () => (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]?["delivered_at"] is not null);
        }

        // A server without the module has no listener, like another host.
        await using (var deaf = await ServerFixture.StartAsync(database, server.Plain.Upstream))
        {
            using var client = new ApiClient(deaf.Address, "k");
            await LogAsync(client, 8);
            await Assert.That((await client.GetAsync("/api/v1/budgets")).Status).IsEqualTo(404);
        }

        await using (var second = await server.StartAsync(database))
        {
            using var client = new ApiClient(second.Address, "k");
            await Eventually.HoldsAsync(
                async () => (string?)(await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]?["status"] == "exceeded"
                && (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]!["delivered_at"] is not null);
            await Assert.That((decimal?)(await client.GetAsync("/api/v1/budgets")).Json[0]!["spent"]).IsEqualTo(16);
        }

        await Assert.That(receiver.Received.Select(webhook => (string)webhook.Json["type"]!).ToList())
            .IsEquivalentTo(["budget.warning", "budget.exceeded"]);
    }

    [Test]
    public async Task A_host_name_with_a_private_address_is_not_called()
    {
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using var strict = await ServerFixture.StartAsync(database, server.Plain.Upstream, ("MODULES_PATH", server.Folder.Path));
        await using var receiver = await WebhookReceiver.StartAsync();
        using var own = new ApiClient(strict.Address, "k");
        var url = receiver.Url.Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
        await own.PutAsync("/api/v1/budgets", new { limit = 1, webhook_url = url, webhook_secret = Secret });

        await LogAsync(own, 2);

        await Eventually.HoldsAsync(async () => (await own.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]?["last_error"] is not null);
        await Assert.That((string?)(await own.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]!["last_error"])
            .Contains("is not a public address");
        await Assert.That(receiver.Received).IsEmpty();
    }

    [Test]
    public async Task The_published_program_loads_the_module_from_a_folder_and_runs_without_it_later()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        using (var folder = new ModuleFolder("samples/Modules.Budgets"))
        {
            await using var own = await ServerProcess.ServeAsync(
                ("DATABASE_URL", database), ("MODULES_PATH", folder.Path), ("BUDGETS_ALLOWED_NETWORKS", "127.0.0.1"));
            using var client = new ApiClient(own.Address, "k");
            await client.PutAsync("/api/v1/budgets", new { limit = 1, webhook_url = receiver.Url, webhook_secret = Secret });
            await LogAsync(client, 2);
            await Assert.That((string?)(await client.GetAsync("/api/v1/budgets")).Json[0]!["status"]).IsEqualTo("exceeded");
            await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 2));
        }

        await using var without = await ServerProcess.ServeAsync(("DATABASE_URL", database));
        using var same = new ApiClient(without.Address, "k");
        await Assert.That((await same.GetAsync("/api/v1/budgets")).Status).IsEqualTo(404);
        await Assert.That((await LogAsync(same, 1)).Status).IsEqualTo(200);
        await Assert.That((await same.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(2);
        await using var connection = new NpgsqlConnection(database);
        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(*) from budgets.budgets")).IsEqualTo(1);
    }

    private static Task<ApiResponse> LogAsync(ApiClient client, double cost) =>
        client.PostAsync("/api/v1/log", new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost, alias = "deep" });
}
