using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.ExportConversation;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExportConversationTests(ServerFixture server)
{
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
        var numbers = lines.Skip(1).Select(line => ((string)line["content"]!).Split(':')[0]);
        await Assert.That(string.Join(",", numbers)).IsEqualTo(string.Join(",", Enumerable.Range(0, 1234)));
    }

    [Test]
    public async Task An_export_of_messages_with_megabytes_is_complete()
    {
        using var client = server.NewClient();
        var id = await Chat.StoreLargeConversationAsync(server.ConnectionString, client.Key!, count: 7, characters: 400_000);

        var answer = await client.GetAsync($"/conversations/{id}/export");

        var contents = answer.Text.TrimEnd('\n').Split('\n').Skip(1).Select(line => (string)JsonNode.Parse(line)!["content"]!);
        await Assert.That(string.Join(",", contents.Select(content => content.Split(':')[0]))).IsEqualTo("1,2,3,4,5,6,7");
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
        using var client = new ApiClient(other.Address, "large");
        var id = await LargeConversationAsync(client);
        using var http = new HttpClient { BaseAddress = other.Address, DefaultRequestHeaders = { { "X-API-Key", client.Key } } };
        using var response = await http.GetAsync($"/conversations/{id}/export", HttpCompletionOption.ResponseHeadersRead);
        await using var connection = new NpgsqlConnection(database);

        await connection.ExecuteAsync("alter table llmring.messages rename to messages_away");

        await Assert.That(response.StatusCode).IsEqualTo(HttpStatusCode.OK);
        await using var body = await response.Content.ReadAsStreamAsync();
        await Assert.That(() => body.CopyToAsync(Stream.Null)).Throws<HttpIOException>();
    }

    [Test]
    public async Task A_client_that_leaves_an_export_in_mid_stream_ends_it()
    {
        // A process of its own, whose metrics count the requests of this test alone.
        await using var other = await ServerProcess.ServeAsync(
            ("DATABASE_URL", await server.Postgres.CreateDatabaseAsync()),
            ("REGISTRY_BASE_URL", server.Upstream.Address.ToString()),
            ("REDIS_URL", "redis://127.0.0.1:1/0"));
        using var client = new ApiClient(other.Address, "large");
        var id = await LargeConversationAsync(client);
        using var http = new HttpClient { BaseAddress = other.Address, DefaultRequestHeaders = { { "X-API-Key", client.Key } } };
        var response = await http.GetAsync($"/conversations/{id}/export", HttpCompletionOption.ResponseHeadersRead);
        var during = await CountActiveRequestsAsync(client);

        response.Dispose();

        await Assert.That(during).IsEqualTo(2);
        await Eventually.HoldsAsync(async () => await CountActiveRequestsAsync(client) == 1);
    }

    /// <summary>The requests that the server is answering, the one for its metrics included.</summary>
    private static async Task<int> CountActiveRequestsAsync(ApiClient client) =>
        (await client.GetAsync("/metrics")).Text.Split('\n')
            .Where(line => line.StartsWith("http_server_active_requests", StringComparison.Ordinal))
            .Sum(line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture));

    /// <summary>Stores more than the buffers between server and client hold: an export waits until its client reads.</summary>
    private static async Task<string> LargeConversationAsync(ApiClient client)
    {
        var id = await client.NewConversationAsync();
        var large = Chat.User(new string('x', 20_000));
        for (var batch = 0; batch < 2; batch++)
            await client.PostAsync($"/conversations/{id}/messages/batch", Enumerable.Repeat(large, 1_000));
        return id;
    }
}
