using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Module1.Tests;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class EntryTests(ServerFixture server)
{
    [Test]
    public async Task Entries_are_listed_newest_first()
    {
        using var client = server.NewClient();

        await client.PostAsJsonAsync("/api/v1/module-name", new { text = "one" });
        var second = await client.PostAsJsonAsync("/api/v1/module-name", new { text = "two" });

        await Assert.That(second.StatusCode).IsEqualTo(HttpStatusCode.OK);
        var entries = await client.GetFromJsonAsync<JsonArray>("/api/v1/module-name");
        await Assert.That(string.Join(' ', entries!.Select(entry => (string?)entry!["text"]))).IsEqualTo("two one");
    }

    [Test]
    public async Task Another_key_does_not_see_an_entry()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();

        await client.PostAsJsonAsync("/api/v1/module-name", new { text = "mine" });

        await Assert.That((await other.GetFromJsonAsync<JsonArray>("/api/v1/module-name"))!.Count).IsEqualTo(0);
    }

    [Test]
    public async Task An_entry_without_a_text_is_422()
    {
        using var client = server.NewClient();

        var refused = await client.PostAsJsonAsync("/api/v1/module-name", new { });

        await Assert.That((int)refused.StatusCode).IsEqualTo(422);
    }

    [Test]
    public async Task A_request_without_a_key_is_401()
    {
        using var client = server.NewClient();
        client.DefaultRequestHeaders.Clear();

        await Assert.That((await client.GetAsync("/api/v1/module-name")).StatusCode).IsEqualTo(HttpStatusCode.Unauthorized);
    }

    [Test]
    public async Task The_routes_are_in_the_OpenAPI_document()
    {
        using var client = server.NewClient();

        var document = await client.GetFromJsonAsync<JsonObject>("/openapi.json");

        await Assert.That(document!["paths"]!.AsObject().ContainsKey("/api/v1/module-name")).IsTrue();
    }
}
