using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.SearchConversations;

/// <summary>Searches over HTTP.</summary>
internal static class Searches
{
    public static async Task<JsonArray> FindAsync(this ApiClient client, string text, string further = "")
    {
        var answer = await client.GetAsync($"{Chat.Path}/search?q={Uri.EscapeDataString(text)}{further}");
        await Assert.That(answer.Status).IsEqualTo(200);
        return answer.Json.AsArray();
    }

    /// <summary>Waits until the index has all messages that are committed now: also the many of the tests beside this one.</summary>
    public static async Task IndexedAsync(this ServerFixture server)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var last = await connection.ExecuteScalarAsync<long?>("select max(id) from llmring.search_backlog");
        await Eventually.HoldsAsync(
            async () => await connection.ExecuteScalarAsync<bool>(
                "select not exists (select from llmring.search_backlog where id <= @last)", new { last }),
            TimeSpan.FromMinutes(2));
    }
}
