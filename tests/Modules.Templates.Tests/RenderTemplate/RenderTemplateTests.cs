using System.Text.Encodings.Web;
using System.Text.Json;
using LlmRing.Testing;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.RenderTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class RenderTemplateTests(ServerFixture server) : IDisposable
{
    private static readonly JsonSerializerOptions _readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task Variables_are_filled_into_the_system_prompt_and_all_texts_of_messages()
    {
        var id = await NewAsync("""
            {
              "name": "n", "model": "fast", "temperature": 0.25, "max_tokens": 9, "tool_config": {"tools": ["a"]},
              "system_prompt": "You review {{ language }}.",
              "initial_messages": [
                {"role": "user", "content": "Hi {{ user.name }}", "name": "{{ language }}"},
                {"role": "user", "content": [
                  {"type": "text", "text": "{{ language | upcase }}"},
                  {"type": "image_url", "image_url": {"url": "https://x/{{ language }}"}}]},
                {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}
              ]
            }
            """);

        var answer = await RenderAsync(id, """{"variables": {"language": "Go", "user": {"name": "Ada <é>"}, "unused": 1}}""");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer["messages"]!.ToJsonString(_readable)).IsEqualTo(
            """[{"role":"system","content":"You review Go."},"""
            + """{"name":"{{ language }}","role":"user","content":"Hi Ada <é>"},"""
            + """{"role":"user","content":[{"text":"GO","type":"text"},"""
            + """{"type":"image_url","image_url":{"url":"https://x/{{ language }}"}}]},"""
            + """{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]""");
        await Assert.That((string?)answer["model"]).IsEqualTo("fast");
        await Assert.That((decimal)answer["temperature"]!).IsEqualTo(0.25m);
        await Assert.That((int)answer["max_tokens"]!).IsEqualTo(9);
        await Assert.That(answer["tool_config"]!.ToJsonString()).IsEqualTo("""{"tools":["a"]}""");
        await Assert.That((int)answer["version"]!).IsEqualTo(1);
    }

    [Test]
    [Arguments("{{ t }}", "<b> & 'é' {{ x }}")]
    [Arguments("{{ n }} {{ d }} {{ yes }} {{ huge }}", "1 1.5 true 1e400")]
    [Arguments("{% for i in list %}{{ forloop.index }}{{ i }} {% endfor %}", "1p 2q ")]
    [Arguments("{% for i in (1..3) %}{{ i }}{% endfor %}", "123")]
    [Arguments("{% for i in (1..300) %}{% for j in list %}{% endfor %}{% endfor %}done", "done")]
    [Arguments("{% if yes and n == 1 %}a{% elsif t %}b{% else %}c{% endif %}", "a")]
    [Arguments("{% unless yes %}a{% else %}b{% endunless %}", "b")]
    [Arguments("{% case n %}{% when 1 %}one{% else %}other{% endcase %}", "one")]
    [Arguments("{% assign a = list | join: ', ' %}{{ a | upcase }}", "P, Q")]
    [Arguments("{% capture c %}x{{ n }}{% endcapture %}{{ c }}{{ c }}", "x1x1")]
    [Arguments("{{ list | size }} {{ list[1] }} {{ o.k.l }} {{ o | json }}", """2 q deep {"k":{"l":"deep"}}""")]
    [Arguments("{% if t contains 'é' %}yes{% endif %}", "yes")]
    [Arguments("{{ absent | default: 'you' }}", "you")]
    [Arguments("{{ absent | strip | upcase | default: 'you' | append: '!' }}", "you!")]
    [Arguments("{% if absent %}a{% endif %}{% unless absent %}b{% endunless %}", "b")]
    [Arguments("{% case absent %}{% when 1 %}a{% else %}b{% endcase %}", "b")]
    [Arguments("{% if absent == 'x' or absent contains 'y' %}a{% else %}b{% endif %}", "b")]
    [Arguments("[{{ none }}]", "[]")]
    [Arguments("{% raw %}{{ t }}{% endraw %}{% comment %}{{ absent }}{% endcomment %}", "{{ t }}")]
    [Arguments("{{ 'now' | date: '%Y' | size }}", "4")]
    [Arguments("""{"a": {"b": 1}} } {""", """{"a": {"b": 1}} } {""")]
    [Arguments("", "")]
    public async Task A_text_renders_as_Liquid_says(string text, string expected)
    {
        var id = await NewAsync(text);

        var answer = await RenderAsync(id, """
            {"variables": {"t": "<b> & 'é' {{ x }}", "n": 1, "d": 1.5, "huge": 1e400, "yes": true, "none": null, "list": ["p", "q"],
                           "o": {"k": {"l": "deep"}}}}
            """);

        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        await Assert.That((string?)answer["messages"]![0]!["content"]).IsEqualTo(expected);
    }

    [Test]
    public async Task Missing_variables_are_all_listed_in_the_422()
    {
        var id = await NewAsync("""
            {
              "name": "n", "system_prompt": "{{ b }} {{ a }} {{ b }} {{ given }} {% if c %}{{ unreached }}{% endif %}",
              "initial_messages": [{"role": "user", "content": "{% for x in items %}{{ x }}{% endfor %}{{ a }}"}]
            }
            """);

        var answer = await RenderAsync(id, """{"variables": {"given": 1}}""");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]!.AsArray().Select(error => error!["loc"]!.ToJsonString())).IsEquivalentTo(
            ["""["body","variables","b"]""", """["body","variables","a"]""", """["body","variables","items"]"""],
            CollectionOrdering.Matching);
        await Assert.That((string?)answer["detail"]![0]!["type"]).IsEqualTo("missing");
    }

    [Test]
    public async Task The_variables_of_a_template_are_listed_in_its_answer_in_the_order_of_their_use()
    {
        var made = await _client.PostAsync(Route, """
            {
              "name": "n",
              "system_prompt": "{{ b | append: a }}{% assign own = c %}{{ own }}{% for x in d %}{{ x }}{{ forloop.index }}{% endfor %}",
              "initial_messages": [{"role": "user", "content": [{"type": "text", "text": "{% if e and b %}{{ f[g].h }}{% endif %}"}]}]
            }
            """);

        await Assert.That(made["variables"]!.ToJsonString()).IsEqualTo("""["b","a","c","d","e","f","g"]""");
        await Assert.That((await _client.GetAsync($"{Route}/{made["id"]}"))["variables"]!.ToJsonString())
            .IsEqualTo(made["variables"]!.ToJsonString());
    }

    [Test]
    [Arguments("Hello {{ name")]
    [Arguments("{% if a %}never closed")]
    [Arguments("{% nonsense %}")]
    [Arguments("{{ a | nonsense }}")]
    [Arguments("{{ a.b( }}")]
    [Arguments("{% include 'x' %}")]
    [Arguments("{% render '/etc/passwd' %}")]
    [Arguments("{{ 5 | divided_by: 0 }}")]
    [Arguments("{{ 79228162514264337593543950335 | times: 10 }}")]
    public async Task A_text_that_cannot_be_rendered_is_stored_untouched_and_is_422_with_the_reason_when_rendered(string text)
    {
        var id = await NewAsync(text);

        var read = await _client.GetAsync($"{Route}/{id}");
        var answer = await RenderAsync(id, """{"variables": {"a": 1, "name": "n"}}""");

        await Assert.That((string?)read["system_prompt"]).IsEqualTo(text);
        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","id"]""");
        await Assert.That((string?)answer["detail"]![0]!["msg"]).StartsWith("system_prompt cannot be rendered: ");
    }

    [Test]
    public async Task A_template_that_is_not_valid_Liquid_lists_no_variables()
    {
        var made = await _client.PostAsync(Route, new { name = "n", system_prompt = "{{ a }} {{ b" });

        await Assert.That(made["variables"]!.ToJsonString()).IsEqualTo("[]");
    }

    [Test]
    public async Task A_version_a_label_or_the_newest_version_is_rendered()
    {
        var id = await NewAsync("one");
        await _client.PutAsync($"{Route}/{id}", new { system_prompt = "two" });
        await _client.PutAsync($"{Route}/{id}/labels/production", new { version = 1 });

        foreach (var (body, text, version) in (IEnumerable<(string, string, int)>)
        [
            ("{}", "two", 2), ("""{"version": 1}""", "one", 1), ("""{"label": "production"}""", "one", 1),
            ("""{"label": "latest", "variables": null}""", "two", 2),
        ])
        {
            var answer = await RenderAsync(id, body);
            await Assert.That((string?)answer["messages"]![0]!["content"]).IsEqualTo(text);
            await Assert.That((int)answer["version"]!).IsEqualTo(version);
        }

        await Assert.That((await RenderAsync(id, """{"version": 3}""")).Status).IsEqualTo(404);
        await Assert.That((await RenderAsync(id, """{"label": "staging"}""")).Status).IsEqualTo(404);
    }

    [Test]
    [Arguments("""{"variables": []}""", "variables")]
    [Arguments("""{"variables": {"a": "\u0000"}}""", "variables")]
    [Arguments("""{"version": 0}""", "version")]
    [Arguments("""{"version": "1"}""", "version")]
    [Arguments("""{"label": "No"}""", "label")]
    [Arguments("""{"version": 1, "label": "a"}""", "label")]
    public async Task An_invalid_member_is_named_in_the_422(string body, string member)
    {
        var answer = await RenderAsync(await NewAsync("x"), body);

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo(member);
    }

    [Test]
    public async Task A_global_template_is_rendered_for_every_key_and_the_template_of_another_key_is_404()
    {
        using var owner = server.NewClient();
        var (foreign, global) = (await owner.NewTemplateAsync(), await server.NewGlobalTemplateAsync("Global"));

        await Assert.That((await RenderAsync($"{global}", "{}")).Status).IsEqualTo(200);
        var answer = await RenderAsync(foreign, "{}");
        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Template not found");
    }

    [Test]
    public async Task A_rendering_counts_no_use()
    {
        var id = await NewAsync("x");

        await RenderAsync(id, "{}");

        await Assert.That((int)(await _client.GetAsync($"{Route}/{id}"))["usage_count"]!).IsEqualTo(0);
    }

    public void Dispose() => _client.Dispose();

    /// <summary>Creates a template from a whole body, or from a system prompt.</summary>
    private async Task<string> NewAsync(string bodyOrPrompt) => (string)(await _client.PostAsync(
        Route, bodyOrPrompt.Contains("\"name\": \"n\"", StringComparison.Ordinal)
            ? bodyOrPrompt
            : (object)new { name = "n", system_prompt = bodyOrPrompt }))["id"]!;

    private Task<ApiResponse> RenderAsync(string id, string body) => _client.PostAsync($"{Route}/{id}/render", body);
}
