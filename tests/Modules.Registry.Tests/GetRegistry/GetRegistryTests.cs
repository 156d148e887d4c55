using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.GetRegistry;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetRegistryTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.ClientWithKey(null);

    [Test]
    public async Task All_paths_of_the_registry_serve_the_same_document_without_a_key()
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
    public async Task The_registry_names_its_version_and_the_base_URLs_of_the_providers()
    {
        var answer = await _client.GetAsync("/registry");

        await Assert.That((string?)answer["version"]).IsEqualTo("2026-01-02");
        await Assert.That(DateTimeOffset.TryParse((string?)answer["generated_at"], out _)).IsTrue();
        await Assert.That(answer["providers"]!.ToJsonString()).IsEqualTo(JsonNode.Parse("""
            {
              "openai": {"name": "OpenAI", "base_url": "https://api.openai.com/v1", "models_endpoint": "/models"},
              "anthropic": {"name": "Anthropic", "base_url": "https://api.anthropic.com", "models_endpoint": null},
              "google": {"name": "Google", "base_url": "https://generativelanguage.googleapis.com", "models_endpoint": "/v1/models"}
            }
            """)!.ToJsonString());
    }

    [Test]
    public async Task A_model_has_every_upstream_member_and_defaults_for_absent_members_that_clients_rely_on()
    {
        var models = (await _client.GetAsync("/registry"))["models"]!.AsObject();
        const string Key = "anthropic:claude-sonnet-4-5-20250929";
        var upstream = JsonNode.Parse(RegistryFiles.All["anthropic/models.json"])!["models"]![Key]!.AsObject();
        var model = models[Key]!;

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
    public async Task A_filter_keeps_the_models_that_match(string query, string expected)
    {
        var answer = await _client.GetAsync($"/registry?{query}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(string.Join(',', answer["models"]!.AsObject().Select(model => model.Key))).IsEqualTo(expected);
    }

    [Test]
    public async Task A_filter_by_provider_leaves_the_other_providers_out()
    {
        var filtered = await _client.GetAsync("/registry?providers=google");

        await Assert.That(filtered["providers"]!.AsObject().Select(provider => provider.Key)).IsEquivalentTo(["google"]);
    }

    [Test]
    public async Task An_answer_that_was_asked_for_twice_is_still_kept_compressed_after_5000_made_up_filters()
    {
        (string, string)[] gzip = [("Accept-Encoding", "gzip")];
        const string Known = "/registry?providers=openai,anthropic&capabilities=vision";
        await _client.GetAsync(Known, gzip);
        await _client.GetAsync(Known, gzip);

        await Parallel.ForEachAsync(Enumerable.Range(0, 5_000), async (number, _) =>
            await _client.GetAsync($"/registry?providers=made-up-{number}&capabilities=telepathy-{number}", gzip));

        // An answer that is built anew is not compressed.
        await Assert.That((await _client.GetAsync(Known, gzip)).Headers["Content-Encoding"]).IsEqualTo("gzip");
    }

    [Test]
    public async Task An_empty_filter_keeps_everything()
    {
        var empty = await _client.GetAsync("/registry?providers=&capabilities=");

        await Assert.That(empty["providers"]!.AsObject().Count).IsEqualTo(3);
    }

    [Test]
    public async Task An_ETag_is_strong_and_the_same_for_the_same_content_only()
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
    public async Task An_If_None_Match_that_names_the_content_is_answered_with_304(string header)
    {
        var tag = (await _client.GetAsync("/registry?providers=openai")).Headers["ETag"];

        var condition = header.Replace("{0}", tag, StringComparison.Ordinal);
        var answer = await _client.GetAsync("/registry?providers=openai", ("If-None-Match", condition));

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
    public async Task An_If_None_Match_that_does_not_name_the_content_is_answered_with_the_content(string header)
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
    public async Task The_content_has_the_encoding_that_the_caller_prefers_and_an_ETag_of_its_own(string accepted, string? encoding)
    {
        var plain = await _client.GetAsync("/registry");
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/registry") { Headers = { { "Accept-Encoding", accepted } } };

        using var response = await http.SendAsync(request);

        await Assert.That(response.Content.Headers.ContentEncoding.SingleOrDefault()).IsEqualTo(encoding);
        await Assert.That(response.Headers.Vary.Single()).IsEqualTo("Accept-Encoding");
        await Assert.That(response.Headers.ETag!.ToString() == plain.Headers["ETag"]).IsEqualTo(encoding is null);
        var bytes = await response.Content.ReadAsStreamAsync();
        Stream decoded = encoding switch
        {
            "gzip" => new GZipStream(bytes, CompressionMode.Decompress),
            "br" => new BrotliStream(bytes, CompressionMode.Decompress),
            _ => bytes,
        };
        using var text = new StreamReader(decoded, Encoding.UTF8);
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
    public async Task HEAD_has_the_length_and_the_ETag_of_the_content_but_no_body(string path)
    {
        var get = await _client.GetAsync(path);

        var head = await _client.SendAsync(HttpMethod.Head, path, null);

        await Assert.That(head.Status).IsEqualTo(200);
        await Assert.That(head.Text).IsEqualTo("");
        await Assert.That(head.Headers["ETag"]).IsEqualTo(get.Headers["ETag"]);
        await Assert.That(head.Headers["Content-Length"]).IsEqualTo(get.Headers["Content-Length"]);
    }

    public void Dispose() => _client.Dispose();
}
