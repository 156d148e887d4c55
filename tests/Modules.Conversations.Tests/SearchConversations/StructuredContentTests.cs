using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.SearchConversations;

/// <summary>Search in multimodal content, tool calls and tool results.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class StructuredContentTests(ServerFixture server)
{
    private static readonly string Picture = Convert.ToBase64String(Enumerable.Range(0, 600_000).Select(number => (byte)(number * 7)).ToArray());

    [Test]
    public async Task Text_behind_a_large_picture_is_found_without_the_syntax_around_it()
    {
        using var client = server.NewClient();
        await StoreAsync(client, new
        {
            role = "user",
            content = new object[]
            {
                new { type = "image_url", image_url = new { url = $"data:image/png;base64,{Picture}" } },
                new { type = "text", text = "What\nis <this> \"axolotl\"?" },
            },
        });

        await AssertFoundAsync(client, "axolotl", "\"what is this axolotl\"");
        await AssertNotFoundAsync(client, "image_url", "type", "text", "url", "png", "base64", "nis", Picture[..40]);
        await Assert.That((string?)(await client.FindAsync("axolotl")).Single()!["snippet"])
            .IsEqualTo("What\nis &lt;this&gt; \"<mark>axolotl</mark>");
    }

    [Test]
    public async Task Parts_without_a_type_are_found_by_their_texts()
    {
        using var client = server.NewClient();
        await StoreAsync(client, new
        {
            role = "user",
            content = new object[] { new { inline_data = new { mime_type = "image/png", data = "iVBORw0KGgo" } }, new { text = "a numbat" } },
        });

        await AssertFoundAsync(client, "numbat");
        await AssertNotFoundAsync(client, "text", "inline_data", "png", "iVBORw0KGgo");
    }

    [Test]
    public async Task Tool_calls_are_found_by_name_and_arguments_without_content()
    {
        using var client = server.NewClient();
        await StoreAsync(client, new
        {
            role = "assistant",
            content = (string?)null,
            tool_calls = new[]
            {
                new
                {
                    id = "call_7",
                    type = "function",
                    function = new { name = "get_weather", arguments = """{"city": "Z\u00fcrich", "note": "line\nbreak", "order": 48213}""" },
                },
            },
        });

        await AssertFoundAsync(client, "get_weather", "weather", "zurich", "break", "48213", "call_7");
        await AssertNotFoundAsync(client, "arguments", "function", "nbreak", "u00fcrich", "name", "city");
        await Assert.That((string?)(await client.FindAsync("zurich")).Single()!["snippet"])
            .IsEqualTo("call_7\nget_weather\n<mark>Zürich</mark>\nline\nbreak\n48213");
    }

    [Test]
    public async Task Tool_results_are_found_by_their_texts()
    {
        using var client = server.NewClient();
        await StoreAsync(client, new
        {
            role = "tool",
            content = (string?)null,
            tool_results = new object[]
            {
                new { tool_call_id = "call_8", content = """{"forecast": "heavy\tsnow", "type": "alert"}""" },
                new { type = "tool_result", content = new[] { new { type = "text", text = "東京は晴れ" } } },
            },
        });

        await AssertFoundAsync(client, "\"heavy snow\"", "alert", "晴れ", "call_8");
        await AssertNotFoundAsync(client, "tool_result", "tsnow", "content", "forecast");
    }

    [Test]
    public async Task JSON_that_a_user_wrote_is_found_by_names_and_values()
    {
        using var client = server.NewClient();
        await StoreAsync(client, Chat.User("""{"max_retries": 5, "path": "C:\\temp\\new", "on": true}"""));

        await AssertFoundAsync(client, "max_retries", "\"max_retries 5\"", "temp\\new", "true");
        await AssertNotFoundAsync(client, "nnew", "emp");
    }

    [Test]
    public async Task A_data_URL_in_a_text_is_not_searched_but_the_text_behind_is()
    {
        using var client = server.NewClient();
        await StoreAsync(client, Chat.User("![a](data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP) narwhal"));

        await AssertFoundAsync(client, "narwhal");
        await AssertNotFoundAsync(client, "gif", "base64", "R0lGODlhAQABAIAAAAAAAP");
    }

    [Test]
    public async Task A_hit_has_the_position_of_its_message()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync("Marmots");
        await client.PostAsync($"/conversations/{id}/messages/batch", new[] { Chat.User("first"), Chat.User("a marmot") });

        await Assert.That((long?)(await client.FindAsync("marmot")).Single()!["position"]).IsEqualTo(2);
        await Assert.That((await client.FindAsync("marmots")).Single()!["position"]).IsNull();
    }

    private static async Task StoreAsync(ApiClient client, object message)
    {
        var id = await client.NewConversationAsync("-");
        await Assert.That((await client.PostAsync($"/conversations/{id}/messages", message)).Status).IsEqualTo(200);
    }

    private async Task AssertFoundAsync(ApiClient client, params string[] queries)
    {
        foreach (var query in queries)
            await Assert.That((await client.FindAsync(query)).Count).IsEqualTo(1).Because($"{query} is in the message");
        await server.IndexedAsync();
        foreach (var query in queries)
            await Assert.That((await client.FindAsync(query)).Count).IsEqualTo(1).Because($"{query} is in the indexed message");
    }

    private static async Task AssertNotFoundAsync(ApiClient client, params string[] queries)
    {
        foreach (var query in queries)
            await Assert.That((await client.FindAsync(query)).Count).IsEqualTo(0).Because($"{query} is not text");
    }
}
