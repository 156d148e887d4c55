using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Budgets.Tests;

/// <summary>Alerts that are delayed, abandoned or deleted.</summary>
[ClassDataSource<BudgetsFixture>(Shared = SharedType.PerTestSession)]
public sealed class AlertTests(BudgetsFixture server)
{
    private const string Secret = "a secret of this test";

    [Test]
    public async Task Hanging_receivers_of_one_key_do_not_delay_those_of_another_for_good()
    {
        await using var hanging = await WebhookReceiver.StartAsync(hangs: true);
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var own = await server.StartAsync(await server.Plain.Postgres.CreateDatabaseAsync());
        using var client = new ApiClient(own.Address, "hanging");
        using var other = new ApiClient(own.Address, "other");
        for (var i = 0; i < 40; i++)
            await client.PutAsync(
                "/api/v1/budgets", new { alias = $"a{i}", limit = 1, webhook_url = hanging.Url, webhook_secret = Secret });
        await other.PutAsync("/api/v1/budgets", new { limit = 1, webhook_url = receiver.Url, webhook_secret = Secret });

        await client.PostAsync("/api/v1/log/batch", Enumerable.Range(0, 40).Select(i => Call(2, $"a{i}")));
        await Eventually.HoldsAsync(() => Task.FromResult(hanging.Received.Count >= 20));
        await other.PostAsync("/api/v1/log", Call(2, "deep"));

        // A request ends after ten seconds at the latest, and then it is the other key's turn.
        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 2));
    }

    [Test]
    public async Task A_webhook_reports_the_limit_that_was_crossed_even_after_the_limit_changed()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        using var client = server.NewClient();
        await client.PutAsync(
            "/api/v1/budgets", new { limit = 10, warning_at = 0.99, webhook_url = "http://127.0.0.1:1/", webhook_secret = Secret });
        await client.PostAsync("/api/v1/log", Call(9.95, "deep"));
        await Eventually.HoldsAsync(
            async () => (await client.GetAsync("/api/v1/budgets")).Json[0]!["last_alert"]?["last_error"] is not null);

        await client.PutAsync("/api/v1/budgets", new { limit = 500, webhook_url = receiver.Url, webhook_secret = Secret });

        await Eventually.HoldsAsync(() => Task.FromResult(receiver.Received.Count == 1));
        var told = receiver.Received.Single().Json;
        await Assert.That(((decimal?)told["limit"], (decimal?)told["threshold"])).IsEqualTo((10m, 9.9m));
    }

    [Test]
    public async Task An_alert_whose_webhook_was_removed_is_not_overdue()
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        using var client = server.NewClient();
        var budget = await client.PutAsync("/api/v1/budgets", new { limit = 10 });

        await AddAlertAsync(connection, (string)budget["id"]!, "2 hours");

        using var anyone = new ApiClient(server.Address, null);
        await Assert.That((string?)(await anyone.GetAsync("/health/ready"))["checks"]!["budgets"]).IsEqualTo("ok");
    }

    [Test]
    public async Task A_webhook_that_failed_at_its_last_attempt_is_not_sent_again()
    {
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await using var own = await ServerProcess.ServeAsync(
            ("DATABASE_URL", database), ("MODULES_PATH", server.Folder.Path), ("BUDGETS_ALLOWED_NETWORKS", "127.0.0.1"));
        using var client = new ApiClient(own.Address, "k");
        var budget = await client.PutAsync(
            "/api/v1/budgets", new { limit = 10, webhook_url = "http://127.0.0.1:1/", webhook_secret = Secret });

        await AddAlertAsync(connection, (string)budget["id"]!, "1 minute", attempts: 19);

        await Eventually.HoldsAsync(() => Task.FromResult(own.Output.Contains("failed at the last attempt", StringComparison.Ordinal)));
        await Assert.That(own.Output).DoesNotContain("will be sent again");
        await Assert.That(await connection.QuerySingleAsync<(int, bool)>("select attempts, next_attempt_at is null from budgets.alerts"))
            .IsEqualTo((20, true));
    }

    [Test]
    public async Task Retention_deletes_alerts_of_months_that_ended_long_ago()
    {
        var database = await server.Plain.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await using (var own = await server.StartAsync(database))
        {
            using var client = new ApiClient(own.Address, "k");
            var budget = await client.PutAsync("/api/v1/budgets", new { limit = 10 });
            await AddAlertAsync(connection, (string)budget["id"]!, "200 days");
            await AddAlertAsync(connection, (string)budget["id"]!, "0 days");
        }

        var dry = await RunAsync("--dry-run");
        var (exitCode, output) = await RunAsync();

        await Assert.That(dry.Output).Contains("alerts of budgets older than 90 days: 1 would be deleted");
        await Assert.That(exitCode).IsEqualTo(0).Because(output);
        await Assert.That(output).Contains("alerts of budgets older than 90 days: 1 deleted");
        await Assert.That(await connection.ExecuteScalarAsync<int>("select count(*) from budgets.alerts")).IsEqualTo(1);

        Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) => ServerProcess.RunAsync(
            ["retention", "run", .. arguments, "--env", "prod"], ("DATABASE_URL", database), ("MODULES_PATH", server.Folder.Path));
    }

    private static Task<int> AddAlertAsync(
        NpgsqlConnection connection, string budgetId, string age, int attempts = 0) => connection.ExecuteAsync(
        """
        insert into budgets.alerts (id, budget_id, month, status, limit_usd, amount, spent, crossed_at, attempts, next_attempt_at)
        values (
            gen_random_uuid(), @budgetId::uuid, date_trunc('month', now() - @age::interval), 'Warning', 10, 8, 9,
            now() - @age::interval, @attempts, now() - @age::interval)
        """,
        new { budgetId, age, attempts });

    private static object Call(double cost, string alias) =>
        new { provider = "p", model = "m", input_tokens = 1, output_tokens = 1, cost, alias };
}
