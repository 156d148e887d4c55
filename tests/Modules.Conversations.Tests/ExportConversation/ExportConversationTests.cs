using System.Net;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.ExportConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExportConversationTests(ServerFixture server)
{
    private const string Key = "large";

    [Test]
    public async Task An_export_has_a_line_for_the_conversation_and_one_for_each_message()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync("Grüezi\nmitenand");
        await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(1234));

        var answer = await client.GetAsync($"/api/v1/conversations/{id}/export");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Headers["Content-Type"]).IsEqualTo("application/x-ndjson");
        var lines = answer.Text.TrimEnd('\n').Split('\n').Select(line => JsonNode.Parse(line)!).ToList();
        await Assert.That(lines.Count).IsEqualTo(1235);
        await Assert.That((string?)lines[0]["title"]).IsEqualTo("Grüezi\nmitenand");
        await Assert.That(lines.Skip(1).Select((line, number) => ((string)line["content"]!).StartsWith($"{number}:", StringComparison.Ordinal)).All(kept => kept)).IsTrue();
    }

    [Test]
    public async Task Another_key_gets_404()
    {
        using var owner = server.NewClient();
        using var other = server.NewClient();
        var id = await owner.NewConversationAsync();

        await Assert.That((await other.GetAsync($"/conversations/{id}/export")).Status).IsEqualTo(404);
    }

    [Test]
    public async Task An_export_that_loses_the_database_in_mid_stream_ends_with_an_error()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        var id = await LargeConversationAsync(other.Address);
        using var http = NewHttpClient(other.Address);
        using var response = await http.GetAsync($"/conversations/{id}/export", HttpCompletionOption.ResponseHeadersRead);
        await using var connection = new NpgsqlConnection(database);

        await connection.ExecuteAsync("alter table llmring.messages rename to messages_away");

        await Assert.That(response.StatusCode).IsEqualTo(HttpStatusCode.OK);
        await using var body = await response.Content.ReadAsStreamAsync();
        await Assert.That(() => body.CopyToAsync(Stream.Null)).Throws<HttpIOException>();
    }

    [Test]
    public async Task An_export_whose_client_leaves_in_mid_stream_reads_no_further()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var other = await ServerFixture.StartAsync(database, server.Upstream);
        var id = await LargeConversationAsync(other.Address);
        using var client = new ApiClient(other.Address, Key);
        using (var http = NewHttpClient(other.Address))
        using (await http.GetAsync($"/conversations/{id}/export", HttpCompletionOption.ResponseHeadersRead))
            await Eventually.HoldsAsync(async () => await ActiveRequestsAsync(client) == "2");

        await Eventually.HoldsAsync(async () => await ActiveRequestsAsync(client) == "1");
    }

    /// <summary>Stores more than the buffers between server and client hold: an export waits until its client reads.</summary>
    private static async Task<string> LargeConversationAsync(Uri address)
    {
        using var client = new ApiClient(address, Key);
        var id = await client.NewConversationAsync();
        var large = Chat.User(new string('x', 20_000));
        for (var batch = 0; batch < 2; batch++)
            await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Repeat(large, 1_000));
        return id;
    }

    /// <summary>The requests that the server is answering: this one, and any export.</summary>
    private static async Task<string> ActiveRequestsAsync(ApiClient client) =>
        (await client.GetAsync("/metrics")).Text.Split('\n').Single(line => line.StartsWith("http_server_active_requests", StringComparison.Ordinal)).Split(' ')[^1];

    private static HttpClient NewHttpClient(Uri address) => new() { BaseAddress = address, DefaultRequestHeaders = { { "X-API-Key", Key } } };
}
