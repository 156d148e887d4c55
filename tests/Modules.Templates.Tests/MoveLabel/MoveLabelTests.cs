using LlmRing.Testing;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.MoveLabel;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MoveLabelTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_label_names_the_version_it_was_moved_to_last()
    {
        var id = await _client.NewTemplateAsync("one");
        await _client.PutAsync($"{Route}/{id}", new { name = "two" });

        var made = await _client.PutAsync($"{Route}/{id}/labels/production", new { version = 2 });
        var moved = await _client.PutAsync($"{Route}/{id}/labels/production", """{"version": 1, "label": "latest", "id": "x"}""");

        await Assert.That(made.Status).IsEqualTo(200);
        await Assert.That((string?)moved["label"]).IsEqualTo("production");
        await Assert.That((int)moved["version"]!).IsEqualTo(1);
        await Assert.That((DateTimeOffset)moved["updated_at"]!).IsGreaterThanOrEqualTo((DateTimeOffset)made["updated_at"]!);
        await Assert.That((string?)(await _client.GetAsync($"{Route}/{id}?label=production"))["name"]).IsEqualTo("one");
        var versions = (await _client.GetAsync($"{Route}/{id}/versions")).Json.AsArray();
        await Assert.That(versions.Select(version => version!["labels"]!.ToJsonString()))
            .IsEquivalentTo(["[]", """["production"]"""], CollectionOrdering.Matching);
    }

    [Test]
    public async Task The_label_latest_is_the_newest_version_and_cannot_be_moved()
    {
        var id = await _client.NewTemplateAsync("one");
        await _client.PutAsync($"{Route}/{id}", new { name = "two" });

        var answer = await _client.PutAsync($"{Route}/{id}/labels/latest", new { version = 1 });

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","label"]""");
        await Assert.That((string?)(await _client.GetAsync($"{Route}/{id}?label=latest"))["name"]).IsEqualTo("two");
    }

    [Test]
    [Arguments("Production")]
    [Arguments("a_b")]
    [Arguments("a%20b")]
    [Arguments("a%0A")]
    [Arguments("%C3%A9")]
    [Arguments("12345678901234567890123456789012345678901234567890123456789012345")]
    public async Task A_label_of_other_characters_or_more_than_64_is_422(string label)
    {
        var id = await _client.NewTemplateAsync();

        await Assert.That((await _client.PutAsync($"{Route}/{id}/labels/{label}", new { version = 1 })).Status).IsEqualTo(422);
        await Assert.That((await _client.GetAsync($"{Route}/{id}?label={label}")).Status).IsEqualTo(422);
    }

    [Test]
    [Arguments("{}")]
    [Arguments("""{"version": null}""")]
    [Arguments("""{"version": 0}""")]
    [Arguments("""{"version": "1"}""")]
    public async Task An_invalid_version_is_named_in_the_422(string body)
    {
        var id = await _client.NewTemplateAsync();

        var answer = await _client.PutAsync($"{Route}/{id}/labels/a", body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["body","version"]""");
    }

    [Test]
    public async Task A_version_that_the_template_does_not_have_is_404()
    {
        var id = await _client.NewTemplateAsync();

        var answer = await _client.PutAsync($"{Route}/{id}/labels/a", new { version = 2 });

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Version not found");
    }

    [Test]
    public async Task Labels_of_another_keys_template_and_of_a_global_one_are_404_and_are_not_stored()
    {
        using var owner = server.NewClient();
        var (foreign, global) = (await owner.NewTemplateAsync(), await server.NewGlobalTemplateAsync("Global"));

        foreach (var id in (string[])[foreign, $"{global}", $"{Guid.NewGuid()}"])
        {
            var answer = await _client.PutAsync($"{Route}/{id}/labels/mine", new { version = 1 });
            await Assert.That(answer.Status).IsEqualTo(404);
            await Assert.That((string?)answer["detail"]).IsEqualTo("Template not found");
            await Assert.That((await owner.GetAsync($"{Route}/{id}?label=mine")).Status).IsEqualTo(404);
        }
    }

    [Test]
    public async Task Concurrent_writers_lose_and_double_no_version_and_the_label_names_one_of_them()
    {
        var id = await _client.NewTemplateAsync();

        await Parallel.ForAsync(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (writer, _) =>
        {
            for (var change = 0; change < 10; change++)
            {
                var changed = await _client.PutAsync($"{Route}/{id}", new { name = $"{writer} {change}" });
                await _client.PutAsync($"{Route}/{id}/labels/production", new { version = (int)changed["version"]! });
            }
        });

        var first = await _client.GetAsync($"{Route}/{id}/versions?limit=100");
        var rest = await _client.GetAsync($"{Route}/{id}/versions?limit=100&cursor={first.Headers.GetValueOrDefault("X-Next-Cursor")}");
        var versions = first.Json.AsArray().Concat(rest.Json.AsArray()).ToList();
        await Assert.That(versions.Select(version => (int)version!["version"]!))
            .IsEquivalentTo(Enumerable.Range(1, 161).Reverse(), CollectionOrdering.Matching);
        await Assert.That(versions.Select(version => (string)version!["name"]!).Distinct().Count()).IsEqualTo(161);
        await Assert.That(versions.Count(version => version!["labels"]!.AsArray().Count == 1)).IsEqualTo(1);
        await Assert.That((await _client.GetAsync($"{Route}/{id}?label=production")).Status).IsEqualTo(200);
        await Assert.That((string?)(await _client.GetAsync($"{Route}/{id}"))["name"]).IsEqualTo((string?)versions[0]!["name"]);
    }

    public void Dispose() => _client.Dispose();
}
