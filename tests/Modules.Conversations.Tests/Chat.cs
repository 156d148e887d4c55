using System.Text.Json.Nodes;
using Bogus;
using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests;

/// <summary>Messages, requests and queries that several tests use.</summary>
internal static class Chat
{
    public const string Path = "/api/v1/conversations";

    /// <summary>Made-up sentences, the same in each run.</summary>
    public static Faker Faker => new() { Random = new Randomizer(20261124) };

    public static async Task<string> NewConversationAsync(this ApiClient client, string title = "Talk") =>
        (string)(await client.PostAsync(Path, new { title }))["id"]!;

    public static object[] Messages(int count, Faker? faker = null)
    {
        faker ??= Faker;
        return [.. Enumerable.Range(0, count).Select(object (number) => new
        {
            role = number % 2 == 0 ? "user" : "assistant",
            content = $"{number}: {faker.Lorem.Sentence()}",
            input_tokens = number % 2 == 0 ? 3 : (int?)null,
            output_tokens = number % 2 == 0 ? (int?)null : 5,
            metadata = new { cost = 0.01m },
        })];
    }

    public static object Log(string? alias = "fast", params object[] messages) => new
    {
        messages,
        response = new
        {
            content = "Straight on.",
            model = "gpt-4.1-2025-04-14",
            finish_reason = "stop",
            usage = new { prompt_tokens = 7, completion_tokens = 3 },
        },
        metadata = new
        {
            provider = "openai",
            model = "gpt-4.1",
            alias,
            input_tokens = 7,
            output_tokens = 3,
            input_cost = 0.25m,
            output_cost = 0.5m,
        },
    };

    public static object User(string content) => new { role = "user", content };

    public static async Task<T?> ScalarAsync<T>(this ServerFixture server, string sql, object? parameters = null)
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        return await connection.ExecuteScalarAsync<T>(sql, parameters);
    }

    /// <summary>Stores a conversation of messages with the contents "1:xxx…", "2:xxx…" and so on.</summary>
    /// <param name="database">The connection string of the server's database.</param>
    /// <param name="key">The owner.</param>
    /// <param name="count">Number of messages.</param>
    /// <param name="characters">Length of each content after the colon.</param>
    /// <returns>The id of the conversation.</returns>
    public static async Task<Guid> StoreLargeConversationAsync(string database, string key, int count, int characters)
    {
        await using var connection = new NpgsqlConnection(database);
        return await connection.ExecuteScalarAsync<Guid>(
            """
            with conversation as (
                insert into llmring.conversations (api_key_id, model_alias, temperature, last_position)
                values (@key, 'default', 0.7, @count)
                returning id),
            stored as (
                insert into llmring.messages (conversation_id, position, role, content, metadata, "timestamp")
                select id, number, 'user', number || ':' || repeat('x', @characters), '{}', now()
                from conversation, generate_series(1, @count) as number)
            select id from conversation
            """,
            new { key, count, characters });
    }

    public static Task<long> CountMessagesAsync(this ServerFixture server, string conversation) =>
        server.ScalarAsync<long>(
            "select count(*) from llmring.messages where conversation_id = @id", new { id = Guid.Parse(conversation) });

    /// <summary>All conversations and messages of a key as one text: equal texts mean that nothing was stored or changed.</summary>
    public static async Task<string> SnapshotAsync(this ServerFixture server, ApiClient owner) =>
        await server.ScalarAsync<string>(
            """
            select jsonb_agg(to_jsonb(c) || jsonb_build_object('messages', (
                select jsonb_agg(to_jsonb(m) order by position)
                from llmring.messages m
                where m.conversation_id = c.id)) order by c.id)::text
            from llmring.conversations c
            where api_key_id = @key
            """,
            new { key = owner.Key }) ?? "";

    public static string[] Contents(this JsonNode messages) => [.. messages.AsArray().Select(message => (string)message!["content"]!)];

    /// <summary>Asserts that a value is the expected JSON; the order of the members does not count.</summary>
    public static async Task AssertSameJsonAsync(JsonNode actual, string expected) =>
        await Assert.That(JsonNode.DeepEquals(actual, JsonNode.Parse(expected))).IsTrue().Because(actual.ToJsonString());
}
