using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetRegistry;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetRegistryTests(ServerFixture server)
{
    private readonly ApiClient _client = server.ClientWithKey(null);

    [Test]
    public async Task The_registry_is_public_and_the_same_under_all_its_names()
    {
        var answers = new List<ApiResponse>();
        foreach (var path in (string[])["/registry", "/registry/", "/registry.json"])
            answers.Add(await _client.GetAsync(path));

        foreach (var answer in answers)
        {
            await Assert.That(answer.Status).IsEqualTo(200);
            await Assert.That(answer.Text).IsEqualTo(answers[0].Text);
            await Assert.That(answer.Headers["Content-Type"]).IsEqualTo("application/json");
            await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=3600");
        }
    }

    [Test]
    public async Task It_says_its_version_and_how_to_reach_the_providers()
    {
        var answer = await _client.GetAsync("/registry");

        await Assert.That((string?)answer["version"]).IsEqualTo("2026-01-02");
        await Assert.That(DateTimeOffset.TryParse((string?)answer["generated_at"], out _)).IsTrue();
        await Assert.That(answer["providers"]!.ToJsonString()).IsEqualTo(
            """
            {"openai":{"name":"OpenAI","base_url":"https://api.openai.com/v1","models_endpoint":"/models"},"anthropic":{"name":"Anthropic","base_url":"https://api.anthropic.com","models_endpoint":null},"google":{"name":"Google","base_url":"https://generativelanguage.googleapis.com","models_endpoint":"/v1/models"}}
            """);
    }

    [Test]
    public async Task A_model_has_every_upstream_member_and_the_defaults_of_those_that_clients_rely_on()
    {
        var models = (await _client.GetAsync("/registry"))["models"]!.AsObject();
        var upstream = JsonNode.Parse(RegistryFiles.All["anthropic/models.json"])!["models"]!["anthropic:claude-sonnet-4-5-20250929"]!.AsObject();
        var model = models["anthropic:claude-sonnet-4-5-20250929"]!;

        await Assert.That(models.Count).IsEqualTo(4);
        foreach (var (name, value) in upstream)
            await Assert.That(model[name]!.ToJsonString()).IsEqualTo(value!.ToJsonString());
        foreach (var name in (string[])["supports_function_calling", "supports_json_mode", "supports_parallel_tool_calls"])
            await Assert.That((bool)model[name]!).IsFalse();
        foreach (var name in (string[])["description", "max_input_tokens", "max_output_tokens", "tool_call_format"])
            await Assert.That(model.AsObject().ContainsKey(name) && model[name] is null).IsTrue();
        await Assert.That((bool)model["is_active"]!).IsTrue();
    }

    [Test]
    [Arguments("providers=openai", "openai:gpt-4.1,openai:gpt-4o-mini")]
    [Arguments("providers=openai,google", "openai:gpt-4.1,openai:gpt-4o-mini,google:gemini-2.5-flash")]
    [Arguments("providers=openai&providers=google", "openai:gpt-4.1,openai:gpt-4o-mini,google:gemini-2.5-flash")]
    [Arguments("capabilities=vision", "openai:gpt-4.1,anthropic:claude-sonnet-4-5-20250929,google:gemini-2.5-flash")]
    [Arguments("capabilities=vision,function_calling", "openai:gpt-4.1")]
    [Arguments("capabilities=supports_long_context_pricing", "anthropic:claude-sonnet-4-5-20250929")]
    [Arguments("providers=google,anthropic&capabilities=vision,is_active", "anthropic:claude-sonnet-4-5-20250929,google:gemini-2.5-flash")]
    [Arguments("capabilities=telepathy", "")]
    [Arguments("providers=..%2F..%2Fetc", "")]
    public async Task Filters_keep_what_was_asked_for(string query, string expected)
    {
        var answer = await _client.GetAsync($"/registry?{query}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(string.Join(',', answer["models"]!.AsObject().Select(model => model.Key))).IsEqualTo(expected);
    }

    [Test]
    public async Task A_filter_by_provider_leaves_the_others_out_and_an_empty_one_is_none()
    {
        var filtered = await _client.GetAsync("/registry?providers=google");
        var empty = await _client.GetAsync("/registry?providers=&capabilities=");

        await Assert.That(filtered["providers"]!.AsObject().Select(provider => provider.Key)).IsEquivalentTo(["google"]);
        await Assert.That(empty["providers"]!.AsObject().Count).IsEqualTo(3);
    }

    [Test]
    public async Task The_tag_is_strong_and_that_of_the_content_served()
    {
        var all = (await _client.GetAsync("/registry")).Headers["ETag"];
        var again = (await _client.GetAsync("/registry.json")).Headers["ETag"];
        var filtered = (await _client.GetAsync("/registry?providers=openai")).Headers["ETag"];

        await Assert.That(all).StartsWith("\"");
        await Assert.That(again).IsEqualTo(all);
        await Assert.That(filtered).IsNotEqualTo(all);
    }

    [Test]
    [Arguments("{0}")]
    [Arguments("W/{0}")]
    [Arguments("\"other\", {0}")]
    [Arguments("\"other\" , W/{0},\"third\"")]
    [Arguments("*")]
    public async Task A_known_tag_is_answered_with_304(string header)
    {
        var tag = (await _client.GetAsync("/registry?providers=openai")).Headers["ETag"];

        var answer = await _client.GetAsync("/registry?providers=openai", ("If-None-Match", header.Replace("{0}", tag, StringComparison.Ordinal)));

        await Assert.That(answer.Status).IsEqualTo(304);
        await Assert.That(answer.Text).IsEqualTo("");
        await Assert.That(answer.Headers["ETag"]).IsEqualTo(tag);
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("public, max-age=3600");
    }

    [Test]
    [Arguments("\"other\"")]
    [Arguments("garbage")]
    [Arguments("\"")]
    [Arguments(",,,")]
    public async Task Another_tag_gets_the_content(string header)
    {
        var answer = await _client.GetAsync("/registry", ("If-None-Match", header));

        await Assert.That(answer.Status).IsEqualTo(200);
    }

    [Test]
    [Arguments("gzip", "gzip")]
    [Arguments("gzip, deflate, br", "br")]
    [Arguments("br;q=0.1, gzip;q=0.9", "gzip")]
    [Arguments("*", "br")]
    [Arguments("gzip;q=0", null)]
    [Arguments("identity, gzip;q=0.5", null)]
    [Arguments("zstd", null)]
    public async Task The_content_is_compressed_as_the_caller_likes_it(string accepted, string? encoding)
    {
        var plain = await _client.GetAsync("/registry");
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/registry") { Headers = { { "Accept-Encoding", accepted } } };

        using var response = await http.SendAsync(request);

        await Assert.That(response.Content.Headers.ContentEncoding.SingleOrDefault()).IsEqualTo(encoding);
        await Assert.That(response.Headers.Vary.Single()).IsEqualTo("Accept-Encoding");
        await Assert.That(response.Headers.ETag!.ToString() == plain.Headers["ETag"]).IsEqualTo(encoding is null);
        var bytes = await response.Content.ReadAsStreamAsync();
        using var text = new StreamReader(encoding switch { "gzip" => new GZipStream(bytes, CompressionMode.Decompress), "br" => new BrotliStream(bytes, CompressionMode.Decompress), _ => bytes }, Encoding.UTF8);
        await Assert.That(await text.ReadToEndAsync()).IsEqualTo(plain.Text);

        var again = await _client.GetAsync("/registry", ("Accept-Encoding", accepted), ("If-None-Match", response.Headers.ETag.ToString()));
        await Assert.That(again.Status).IsEqualTo(304);
    }

    [Test]
    [Arguments("/registry")]
    [Arguments("/registry/manifest.json")]
    [Arguments("/registry/openai/models.json")]
    [Arguments("/registry/openai/v/6/models.json")]
    [Arguments("/registry/v/6/registry.json")]
    public async Task HEAD_says_how_long_the_content_is(string path)
    {
        var get = await _client.GetAsync(path);

        var head = await _client.SendAsync(HttpMethod.Head, path, null);

        await Assert.That(head.Status).IsEqualTo(200);
        await Assert.That(head.Text).IsEqualTo("");
        await Assert.That(head.Headers["ETag"]).IsEqualTo(get.Headers["ETag"]);
        await Assert.That(head.Headers["Content-Length"]).IsEqualTo(get.Headers["Content-Length"]);
    }
}
