using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.RenderTemplate;

/// <summary>Templates that would take all memory, all stack or hours without the bounds of rendering.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HostileLiquidTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    [MethodDataSource(nameof(Texts))]
    public async Task A_text_that_exceeds_a_bound_is_422(string name, string text)
    {
        var made = await _client.PostAsync(Route, new { name, system_prompt = text });

        var answer = await _client.PostAsync(
            $"{Route}/{made["id"]}/render", new { variables = new { a = "a", big = new string('a', 300_000), list = new int[10_000] } });

        await Assert.That(made.Status).IsEqualTo(200);
        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["msg"]).StartsWith("system_prompt cannot be rendered: ");
    }

    public static IEnumerable<(string Name, string Text)> Texts()
    {
        yield return ("range", "{% for i in (1..1000000000) %}x{% endfor %}");
        yield return ("range of one iteration", "{% for i in (1..1000000000) limit: 1 %}x{% endfor %}");
        yield return ("range as a value", "{% assign r = (1..1000000000) %}{{ r | size }}");
        yield return ("range as an operand", "{{ (1..1000000000) | join: 'x' }}");
        yield return ("range beyond 32 bits", "{{ (1..79228162514264337593543950335) | size }}");
        yield return ("nested loops", Repeat("{% for i in (1..1000) %}", 4) + "x" + Repeat("{% endfor %}", 4));
        yield return ("loops without output", "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}");
        yield return ("doubled text", "{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}");
        yield return ("doubled array", "{% for i in (1..60) %}{% assign list = list | concat: list %}{% endfor %}");
        yield return ("captured text", $"{{% for i in (1..1000) %}}{{% capture c %}}{new string('x', 100_000)}{{% endcapture %}}{{% endfor %}}");
        yield return ("captured variables", "{% for i in (1..1000) %}{% capture c %}{{ big }}{% endcapture %}{% endfor %}");
        yield return ("raw text", $"{{% for i in (1..1000) %}}{{% raw %}}{new string('x', 100_000)}{{% endraw %}}{{% endfor %}}");
        yield return ("replacement", "{{ big | replace: 'a', big | size }}");
        yield return ("replacement of nothing", "{{ big | replace: '', big | size }}");
        yield return ("separator", "{{ list | join: big | size }}");
        yield return ("searches", $"{{% if {string.Join(" or ", Enumerable.Repeat("big contains 'ab'", 150))} %}}x{{% endif %}}");
        yield return ("long search", "{% assign b = big | append: 'b' %}{% if big contains b %}x{% endif %}{{ big | split: b | size }}");
        yield return ("comparisons", "{% for i in list %}{% if big == big and big == big %}{% endif %}{% endfor %}");
        yield return ("sorts", "{% assign s = big | split: '' %}" + Repeat("{% assign s = s | sort %}", 100));
        yield return ("filters", "{{ a " + Repeat("| upcase ", 100_000) + "}}");
        yield return ("filters on a long text", "{% for i in list %}{{ big " + Repeat("| upcase ", 100) + " | size }}{% endfor %}");
        yield return ("operators", "{% if a " + Repeat("and a ", 100_000) + "%}x{% endif %}");
        yield return ("alternatives", "{% if b " + Repeat("or b ", 40_000) + "%}x{% endif %}");
        yield return ("nested blocks", Repeat("{% if a %}", 10_000) + Repeat("{% endif %}", 10_000));
        yield return ("nested unclosed blocks", Repeat("{% for i in list %}", 12_000));
        yield return ("nested indexes", "{{ " + Repeat("a[", 100_000) + "0" + Repeat("]", 100_000) + " }}");
        yield return ("nested parentheses", "{{ " + Repeat("(", 200_000) + " }}");
        yield return ("nested captures", Repeat("{% capture a %}", 10_000) + "x" + Repeat("{% endcapture %}", 10_000));
        yield return ("nested cases", Repeat("{% case a %}{% when 'a' %}", 5_000) + Repeat("{% endcase %}", 5_000));
        yield return ("outputs", Repeat("{{ a }}", 30_000));
        yield return ("output of a million characters", Repeat("{{ big }}", 4));
        yield return ("text of a megabyte", "{{ a }}" + new string('x', 900_000));
        yield return ("width of a date", "{{ 'now' | date: '%1000000000Y' | size }}");
        yield return ("precision of a number", "{{ 5 | format_number: 'D999999999' | size }}");
    }

    [Test]
    public async Task The_output_of_all_messages_counts_together()
    {
        var messages = Enumerable.Repeat(new { role = "user", content = "{{ big }}" }, 5);
        var made = await _client.PostAsync(Route, new { name = "n", initial_messages = messages });

        var answer = await _client.PostAsync($"{Route}/{made["id"]}/render", new { variables = new { big = new string('a', 300_000) } });

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["msg"]).StartsWith("initial_messages[3] cannot be rendered: ");
    }

    [Test]
    public async Task A_long_text_without_markup_is_rendered_untouched()
    {
        var text = new string('x', 900_000);
        var made = await _client.PostAsync(Route, new { name = "n", system_prompt = text });

        var answer = await _client.PostAsync($"{Route}/{made["id"]}/render", new { });

        await Assert.That((string?)answer["messages"]![0]!["content"]).IsEqualTo(text);
    }

    public void Dispose() => _client.Dispose();

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
