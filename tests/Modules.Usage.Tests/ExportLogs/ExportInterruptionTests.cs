using Dapper;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.ExportLogs;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExportInterruptionTests(ServerFixture server)
{
    private const string Sessions = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

    [Test]
    public async Task An_export_whose_database_goes_away_ends_with_an_error_and_not_like_a_whole_file()
    {
        await using var export = await StartExportAsync();

        await AllowConnectionsAsync(export.Connection.Database, allow: false);
        await export.Connection.ExecuteAsync($"select pg_terminate_backend(pid) {Sessions}");

        await Assert.That(() => export.Body.CopyToAsync(Stream.Null)).Throws<IOException>();
        await AllowConnectionsAsync(export.Connection.Database, allow: true);
        using var client = new ApiClient(export.Host.Address, "k");
        await Assert.That((await client.GetAsync("/api/v1/logs?limit=1")).Status).IsEqualTo(200);
    }

    [Test]
    public async Task An_export_whose_client_goes_away_gives_its_connection_back()
    {
        await using var export = await StartExportAsync();

        export.Response.Dispose();

        await Eventually.HoldsAsync(() => export.Connection.ExecuteScalarAsync<bool>(
            $"select not exists (select {Sessions} and state <> 'idle')"));
        using var client = new ApiClient(export.Host.Address, "k");
        await Assert.That((await client.GetAsync("/api/v1/logs?limit=1")).Status).IsEqualTo(200);
    }

    /// <summary>Lets the server open connections to its database, or not; those that are open stay.</summary>
    private async Task AllowConnectionsAsync(string database, bool allow)
    {
        // PostgreSQL does not change this setting of the session's own database.
        await using var postgres = new NpgsqlConnection(server.Postgres.ConnectionStringTo("postgres"));
        await postgres.ExecuteAsync($"alter database \"{database}\" allow_connections {allow}");
    }

    /// <summary>Begins an export of 80 MB, of which the client reads only the first bytes.</summary>
    private async Task<Export> StartExportAsync()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        var host = await ServerFixture.StartAsync(database, server.Upstream);
        var connection = new NpgsqlConnection(database);
        await connection.ExecuteAsync("""
            insert into llmring.usage_logs (api_key_id, provider, model, input_tokens, output_tokens, cost, cost_source, metadata, created_at)
            select 'k', 'p', 'm', 1, 1, 0, 'client', jsonb_build_object('text', repeat('x', 4000)), now() - n * interval '1 millisecond'
            from generate_series(1, 20000) as n
            """);
        var http = new HttpClient { BaseAddress = host.Address };
        http.DefaultRequestHeaders.Add("X-API-Key", "k");
        var response = await http.GetAsync("/api/v1/logs/export?format=ndjson", HttpCompletionOption.ResponseHeadersRead);
        var body = await response.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[1_000]);
        return new Export(host, connection, http, response, body);
    }

    private sealed record Export(LlmRingServer Host, NpgsqlConnection Connection, HttpClient Http, HttpResponseMessage Response, Stream Body)
        : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            Response.Dispose();
            Http.Dispose();
            await Connection.DisposeAsync();
            await Host.DisposeAsync();
        }
    }
}
