using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Modules.Mcp.Tests.Upstream;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Mcp.Tests.Connections;

/// <summary>The database while calls wait for an MCP server.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DatabaseSessionTests(ServerFixture session)
{
    [Test]
    public async Task Calls_that_wait_for_an_MCP_server_hold_no_connection_transaction_or_lock_of_the_database()
    {
        var begun = 0;
        await using var upstream = await ScriptedUpstream.StartAsync();
        upstream.OnRequest = async (context, _) =>
        {
            Interlocked.Increment(ref begun);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        var application = $"mcp-{Guid.NewGuid():N}";
        var database = new NpgsqlConnectionStringBuilder(session.ConnectionString)
        {
            ApplicationName = application,
            MaxPoolSize = 8,
        };
        var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var server = await ServerFixture.StartAsync(
            database.ConnectionString,
            session.Upstream,
            clock,
            ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8"),
            ("MCP_TIMEOUT", "600"));
        using var client = new ApiClient(server.Address, McpFixture.NewKey());
        var features = await AddFeaturesAsync(client, upstream.Url);
        var id = (string)features["server"]!["id"]!;
        // As many calls as one MCP server may run, and more than the pool has connections.
        var calls = Enumerable.Range(0, 4).SelectMany(_ => (Task<ApiResponse>[])
        [
            client.PostAsync($"/api/v1/mcp/tools/{features.IdOf("tools", "t")}/execute", """{"input": {}}"""),
            client.PostAsync($"/api/v1/mcp/prompts/{features.IdOf("prompts", "p")}/render"),
            client.GetAsync($"/api/v1/mcp/resources/{features.IdOf("resources", "r")}/content"),
            client.PostAsync($"/api/v1/mcp/servers/{id}/refresh"),
        ]).ToArray();

        await Eventually.HoldsAsync(() => Task.FromResult(Volatile.Read(ref begun) == calls.Length));

        await using var observer = new NpgsqlConnection(session.ConnectionString);
        await Eventually.HoldsAsync(async () => await observer.QuerySingleAsync<long>(
            "select count(*) from pg_stat_activity where application_name = @application and state <> 'idle'",
            new { application }) == 0);
        var locks = await observer.QuerySingleAsync<long>(
            """
            select count(*)
            from pg_locks
            join pg_stat_activity using (pid)
            where application_name = @application and mode <> 'AccessShareLock' and relation = 'mcp_client.servers'::regclass
            """,
            new { application });
        await Assert.That(locks).IsEqualTo(0);
        clock.Advance(McpFixture.LongTimeout);
        var statuses = (await Task.WhenAll(calls)).Select(call => call.Status).ToArray();
        await Assert.That(statuses.Count(status => status == 200)).IsEqualTo(4);
        await Assert.That(statuses.Count(status => status == 504)).IsEqualTo(12);
    }

    private static async Task<JsonNode> AddFeaturesAsync(ApiClient client, string url)
    {
        var id = await client.CreateServerAsync(url);
        var answer = await client.PostAsync(
            $"/api/v1/mcp/servers/{id}/refresh",
            """{"tools": [{"name": "t"}], "resources": [{"uri": "test://r", "name": "r"}], "prompts": [{"name": "p"}]}""");
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return answer.Json;
    }
}
