using Dapper;
using LlmRing.Host.Pipeline.Concurrency;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Host.Tests.Pipeline.Concurrency;

/// <summary>The bounds of the streamed responses that run at once.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class StreamLimitTests(ServerFixture server)
{
    private const string Export = "/api/v1/logs/export?format=ndjson";

    private static readonly HttpClient Http = new();

    [Test]
    public async Task The_ninth_export_of_a_key_is_429_until_another_one_of_that_key_ends()
    {
        await using var host = await StartWithUsagesAsync();
        using var client = new ApiClient(host.Address, "k");
        var exports = await BeginExportsAsync(host);

        var refused = await client.GetAsync(Export);
        exports[0].Dispose();

        await Assert.That(refused.Status).IsEqualTo(429);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("5");
        await Assert.That((string?)refused["detail"]).IsEqualTo("Too many exports: this API key or project has 8 under way");
        await Eventually.HoldsAsync(async () => (await client.GetAsync(Export)).Status == 200);
        Array.ForEach(exports, export => export.Dispose());
    }

    [Test]
    public async Task Exports_of_one_key_do_not_refuse_its_other_requests_and_the_exports_of_another_key()
    {
        await using var host = await StartWithUsagesAsync();
        using var client = new ApiClient(host.Address, "k");
        using var other = new ApiClient(host.Address, "other");
        var exports = await BeginExportsAsync(host);

        var answers = await Task.WhenAll(client.GetAsync("/api/v1/logs"), other.GetAsync(Export));

        await Assert.That(answers.Select(answer => answer.Status)).IsEquivalentTo([200, 200]);
        Array.ForEach(exports, export => export.Dispose());
    }

    [Test]
    [Arguments(Export)]
    [Arguments("/api/v1/conversations/0197a000-0000-7000-8000-000000000000/export")]
    public async Task An_export_is_503_with_Retry_After_while_64_others_run_on_the_host(string export)
    {
        await using var host = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        var limiter = host.Services.GetRequiredService<StreamLimiter>();
        var leases = Enumerable.Range(0, 64).Select(_ => limiter.AcquireOfHost()).ToArray();
        using var client = new ApiClient(host.Address, "k");

        var refused = await client.GetAsync(export);
        leases[0].Dispose();
        var served = await client.GetAsync(export);

        await Assert.That(refused.Status).IsEqualTo(503);
        await Assert.That(refused.Headers["Retry-After"]).IsEqualTo("5");
        await Assert.That((string?)refused["detail"]).IsEqualTo("The server is busy with other exports; retry later");
        await Assert.That(served.Status).IsNotEqualTo(503);
    }

    /// <summary>Starts a server whose key <c>k</c> has more usages than the buffers of a connection hold.</summary>
    private async Task<LlmRingServer> StartWithUsagesAsync()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var host = await ServerFixture.StartAsync(database, server.Upstream);
        await using var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("""
            insert into llmring.usage_logs (api_key_id, provider, model, input_tokens, output_tokens, cost, cost_source, metadata, created_at)
            select 'k', 'p', 'm', 1, 1, 0, 'client', jsonb_build_object('text', repeat('x', 4000)), now() - n * interval '1 millisecond'
            from generate_series(1, 8000) as n
            """);
        return host;
    }

    /// <summary>Begins as many exports as the key <c>k</c> may have at once, and reads none of them to its end.</summary>
    private static Task<HttpResponseMessage[]> BeginExportsAsync(LlmRingServer host) =>
        Task.WhenAll(Enumerable.Range(0, StreamLimiter.MaxPerOwner).Select(async _ =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(host.Address, Export));
            request.Headers.Add("X-API-Key", "k");
            return (await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead)).EnsureSuccessStatusCode();
        }));
}
