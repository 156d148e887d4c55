using LlmRing.Testing;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.ListTemplates;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ListTemplatesTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task The_newest_template_comes_first_and_pages_follow_each_other()
    {
        foreach (var template in Faker(seed: 2).Generate(5))
            await _client.PostAsync(Route, template with { CreatedBy = "pages" });

        var all = await NamesAsync("?created_by=pages");
        var pages = new List<string>();
        for (var offset = 0; offset < 6; offset += 2)
            pages.AddRange(await NamesAsync($"?created_by=pages&limit=2&offset={offset}"));

        var newestFirst = Faker(seed: 2).Generate(5).Select(template => template.Name).Reverse();
        await Assert.That(all).IsEquivalentTo(newestFirst, CollectionOrdering.Matching);
        await Assert.That(pages).IsEquivalentTo(all, CollectionOrdering.Matching);
    }

    [Test]
    public async Task A_page_ends_with_the_template_that_takes_it_past_4_million_characters()
    {
        for (var number = 0; number < 6; number++)
            await _client.PostAsync(Route, new { name = $"{number}", system_prompt = new string('x', 900_000), created_by = "large" });

        var pages = await _client.GetPagesAsync($"{Route}?created_by=large");

        await Assert.That(pages.Select(page => string.Concat(page.Json.AsArray().Select(template => (string)template!["name"]!))))
            .IsEquivalentTo(["54321", "0"]);
    }

    [Test]
    public async Task A_filter_by_creator_keeps_the_templates_of_the_creator()
    {
        await _client.PostAsync(Route, new { name = "hers", created_by = "ada" });
        await _client.PostAsync(Route, new { name = "his", created_by = "bob" });

        await Assert.That(await NamesAsync("?created_by=ada&limit=&offset=")).IsEquivalentTo(["hers"]);
        await Assert.That(await NamesAsync("?created_by=eve")).IsEmpty();
    }

    [Test]
    public async Task Global_templates_are_listed_and_templates_of_other_keys_are_not()
    {
        var global = $"global {Guid.NewGuid()}";
        await server.NewGlobalTemplateAsync(global);
        using var other = server.NewClient();
        await other.NewTemplateAsync("foreign");
        await _client.NewTemplateAsync("own");

        var names = await NamesAsync("?limit=100");

        await Assert.That(names).Contains("own");
        await Assert.That(names).Contains(global);
        await Assert.That(names).DoesNotContain("foreign");
    }

    [Test]
    [Arguments("limit=0")]
    [Arguments("limit=101")]
    [Arguments("limit=x")]
    [Arguments("offset=-1")]
    [Arguments("offset=99999999999999999999")]
    [Arguments("created_by=%00")]
    public async Task A_query_parameter_out_of_range_is_422(string query)
    {
        var answer = await _client.GetAsync($"{Route}?{query}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["loc"]![0]).IsEqualTo("query");
        await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo(query.Split('=')[0]);
    }

    [Test]
    public async Task An_offset_past_the_end_gives_an_empty_page()
    {
        await Assert.That(await NamesAsync("?offset=9999999999")).IsEmpty();
    }

    public void Dispose() => _client.Dispose();

    private async Task<List<string>> NamesAsync(string query) =>
        (await _client.GetAsync(Route + query)).Json.AsArray().Select(template => (string)template!["name"]!).ToList();
}
