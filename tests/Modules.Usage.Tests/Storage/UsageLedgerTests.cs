using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Usage.Tests.Storage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UsageLedgerTests(ServerFixture server)
{
    private IUsageLedger Ledger => server.Server.Services.GetRequiredService<IUsageLedger>();

    [Test]
    public async Task An_appended_usage_is_priced_by_the_first_of_its_names_that_a_price_list_knows()
    {
        using var client = server.NewClient();
        var usage = Usage() with { Provider = "host", Model = "deployment", FurtherNames = [new("host", "gpt-4.1"), new("openai", "gpt-4.1")] };

        await AppendAsync(client, usage);

        var row = (await client.GetAsync("/api/v1/logs")).Json[0]!;
        await Assert.That((string?)row["model"]).IsEqualTo("deployment");
        await Assert.That((string?)row["priced_as"]).IsEqualTo("openai:gpt-4.1");
        await Assert.That((decimal)row["cost"]!).IsEqualTo(0.00312m);
    }

    [Test]
    public async Task A_withdrawn_usage_leaves_the_logs_and_all_sums()
    {
        using var client = server.NewClient();
        var (kept, withdrawn) = (Usage(), Usage());
        await AppendAsync(client, kept, withdrawn);

        await Ledger.WriteAsync(
            ScopeOf(client), [], (_, _) => Task.FromResult(new UsageChanges([], [withdrawn.Id, Guid.NewGuid()])), CancellationToken.None);

        var rows = (await client.GetAsync("/api/v1/logs")).Json.AsArray();
        var stats = (await client.GetAsync("/api/v1/stats")).Json;
        await Assert.That(rows.Select(row => (string)row!["id"]!)).IsEquivalentTo([kept.Id.ToString()]);
        await Assert.That(stats["summary"]!["total_requests"]!.GetValue<int>()).IsEqualTo(1);
        await Assert.That((string?)stats["summary"]!["total_cost"]).IsEqualTo("0.00312");
        await Assert.That(stats["by_model"]!["gpt-4.1"]!["requests"]!.GetValue<int>()).IsEqualTo(1);
    }

    [Test]
    public async Task A_usage_of_another_scope_is_not_withdrawn()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var usage = Usage();
        await AppendAsync(owner, usage);

        await Ledger.WriteAsync(
            ScopeOf(other), [], (_, _) => Task.FromResult(new UsageChanges([], [usage.Id])), CancellationToken.None);

        await Assert.That((await owner.GetAsync("/api/v1/logs")).Json.AsArray()).Count().IsEqualTo(1);
    }

    [Test]
    public async Task A_usage_with_a_known_idempotency_key_is_ignored()
    {
        using var client = server.NewClient();

        await AppendAsync(client, Usage() with { IdempotencyKey = "test:1" }, Usage() with { IdempotencyKey = "test:1" });
        await AppendAsync(client, Usage() with { IdempotencyKey = "test:1" }, Usage() with { IdempotencyKey = "test:2" });

        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray()).Count().IsEqualTo(2);
    }

    [Test]
    public async Task Nothing_is_stored_when_the_caller_throws_in_the_transaction()
    {
        using var client = server.NewClient();
        await AppendAsync(client, Usage());

        await Assert.That(() => Ledger.WriteAsync(
            ScopeOf(client),
            [Usage()],
            async (connection, _) =>
            {
                await connection.ExecuteAsync("delete from usage_logs where api_key_id = @key", new { key = client.Key });
                throw new InvalidOperationException();
            },
            CancellationToken.None)).Throws<InvalidOperationException>();

        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray()).Count().IsEqualTo(1);
    }

    private Task AppendAsync(ApiClient client, params NewUsage[] usages) => Ledger.WriteAsync(
        ScopeOf(client), usages, (_, _) => Task.FromResult(new UsageChanges(usages, [])), CancellationToken.None);

    private static Scope ScopeOf(ApiClient client) => Scope.OfApiKey(client.Key!);

    private static NewUsage Usage() => new()
    {
        Id = Guid.CreateVersion7(),
        CreatedAt = DateTime.UtcNow,
        Provider = "openai",
        Model = "gpt-4.1",
        Tokens = new TokenCounts(1200, 90, 0, 0, 0, 0),
    };
}
