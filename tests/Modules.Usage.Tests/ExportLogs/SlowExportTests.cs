using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.ExportLogs;

/// <summary>
/// Readers of an export that stop reading. Before exports were read in pages, each of them held a connection: 35 readers at 2 KB/s made
/// the requests of other keys and <c>/health</c> answer 503 for as long as the readers liked.
/// </summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SlowExportTests(ServerFixture server)
{
    // More than the pool has connections, of two keys because the exports of one key are bounded.
    private const int Readers = 12;

    [Test]
    public async Task Readers_that_stop_reading_an_export_hold_no_connection_and_do_not_delay_other_keys()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(
            database, server.Upstream, ("DATABASE_POOL_SIZE", "8"), ("DATABASE_POOL_OVERFLOW", "0"));
        await using var connection = new NpgsqlConnection(database);
        await StoreUsagesAsync(connection, count: 20_000, "k");
        await StoreUsagesAsync(connection, count: 20_000, "l");
        using var http = new HttpClient { BaseAddress = host.Address };
        var exports = await Task.WhenAll(Enumerable.Range(0, Readers).Select(async number =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/logs/export?format=ndjson");
            request.Headers.Add("X-API-Key", number % 2 == 0 ? "k" : "l");
            return (await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)).EnsureSuccessStatusCode();
        }));

        await Eventually.HoldsAsync(() => connection.ExecuteScalarAsync<bool>("""
            select count(*) = 0
            from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and state <> 'idle'
            """));

        using var other = new ApiClient(host.Address, "other");
        var answers = await Task.WhenAll(
            other.GetAsync("/health"), other.PostAsync("/api/v1/log", UsageFaker.Usage()), other.GetAsync("/api/v1/stats"));
        await Assert.That(answers.Select(answer => answer.Status)).IsEquivalentTo([200, 200, 200]);
        foreach (var export in exports)
            export.Dispose();
    }

    [Test]
    public async Task An_export_of_many_pages_has_every_usage_once_newest_first()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var host = await ServerFixture.StartAsync(database, server.Upstream);
        await using var connection = new NpgsqlConnection(database);
        await StoreUsagesAsync(connection, count: 2_500, "k");
        // Usages of one and the same time, on both sides of the end of a page.
        await connection.ExecuteAsync("update llmring.usage_logs set created_at = date_trunc('minute', created_at)");
        using var client = new ApiClient(host.Address, "k");

        var export = await client.GetAsync("/api/v1/logs/export?format=ndjson");

        var exported = export.Text.TrimEnd().Split('\n').Select(line => (Guid)JsonNode.Parse(line)!["id"]!).ToList();
        var stored = await connection.QueryAsync<Guid>("select id from llmring.usage_logs order by created_at desc, id desc");
        await Assert.That(exported.SequenceEqual(stored)).IsTrue();
    }

    [Test]
    public async Task An_export_of_usages_with_metadata_of_megabytes_is_complete()
    {
        using var client = server.NewClient();
        var metadata = new JsonObject { ["text"] = new string('x', 400_000) };
        for (var i = 0; i < 7; i++)
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("metadata", metadata.DeepClone())));

        var export = await client.GetAsync("/api/v1/logs/export?format=ndjson");

        var ids = export.Text.TrimEnd().Split('\n').Select(line => (Guid)JsonNode.Parse(line)!["id"]!).ToList();
        await Assert.That((ids.Count, ids.Distinct().Count())).IsEqualTo((7, 7));
    }

    private static Task<int> StoreUsagesAsync(NpgsqlConnection connection, int count, string key) => connection.ExecuteAsync(
        """
        insert into llmring.usage_logs (api_key_id, provider, model, input_tokens, output_tokens, cost, cost_source, metadata, created_at)
        select @key, 'p', 'm', 1, 1, 0, 'client', jsonb_build_object('text', repeat('x', 4000)), now() - n * interval '1 millisecond'
        from generate_series(1, @count) as n
        """,
        new { count, key });
}
