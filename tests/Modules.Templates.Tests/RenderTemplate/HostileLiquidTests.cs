using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.RenderTemplate;

/// <summary>Templates that would take all memory, all stack or hours without the bounds of rendering.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HostileLiquidTests(ServerFixture server) : IDisposable
{
    private const string Work = "handles more than 10,000,000 characters and items";
    private const string Steps = "takes more than 100,000 steps";
    private const string Output = "more than 1,000,000 characters together";
    private const string Length = "at most 262144 characters";
    private const string Expressions = "at most 10000 expressions";
    private const string Depth = "nested more than 50 levels deep";
    private const string Chain = "chains of filters and operators";
    private const string Digits = "has no digits";
    private const string Filter = "no filter 'format_number'";

    private readonly ApiClient _client = server.NewClient();

    [Test]
    [MethodDataSource(nameof(Texts))]
    public async Task A_text_that_exceeds_a_bound_is_422_with_the_bound(string name, string bound, string text)
    {
        var made = await _client.PostAsync(Route, new { name, system_prompt = text });

        var answer = await _client.PostAsync(
            $"{Route}/{made["id"]}/render", new { variables = new { a = "a", big = new string('a', 300_000), list = new int[10_000] } });

        await Assert.That(made.Status).IsEqualTo(200);
        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That((string?)answer["detail"]![0]!["msg"]).StartsWith("system_prompt cannot be rendered: ").And.Contains(bound);
    }

    public static IEnumerable<(string Name, string Bound, string Text)> Texts()
    {
        yield return ("range", Work, "{% for i in (1..1000000000) %}x{% endfor %}");
        yield return ("range of one iteration", Work, "{% for i in (1..1000000000) limit: 1 %}x{% endfor %}");
        yield return ("range as a value", Work, "{% assign r = (1..1000000000) %}{{ r | size }}");
        yield return ("range as an operand", Work, "{{ (1..1000000000) | join: 'x' }}");
        yield return ("range beyond 32 bits", Work, "{{ (1..99999999999999) | size }}");
        yield return ("nested loops", Steps, Repeat("{% for i in (1..1000) %}", 4) + "x" + Repeat("{% endfor %}", 4));
        yield return ("loops without output", Steps, "{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}{% endfor %}");
        yield return ("doubled text", Work, "{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}");
        yield return ("doubled array", Work, "{% for i in (1..60) %}{% assign list = list | concat: list %}{% endfor %}");
        yield return ("captured text", Work, "{% for i in list %}{% capture c %}" + Repeat("x", 100_000) + "{% endcapture %}{% endfor %}");
        yield return ("captured variables", Work, "{% for i in (1..1000) %}{% capture c %}{{ big }}{% endcapture %}{% endfor %}");
        yield return ("raw text", Work, "{% for i in (1..1000) %}{% raw %}" + Repeat("x", 100_000) + "{% endraw %}{% endfor %}");
        yield return ("replacement", Work, "{{ big | replace: 'a', big | size }}");
        yield return ("replacement of nothing", Work, "{{ big | replace: '', big | size }}");
        yield return ("separator", Work, "{{ list | join: big | size }}");
        yield return ("searches", Work, $"{{% if {string.Join(" or ", Enumerable.Repeat("big contains 'ab'", 150))} %}}x{{% endif %}}");
        yield return ("long search", Work, "{% assign b = big | append: 'b' %}{% if big contains b %}x{% endif %}{{ big | split: b }}");
        yield return ("comparisons", Work, "{% for i in list %}{% if big == big and big == big %}{% endif %}{% endfor %}");
        yield return ("sorts", Work, "{% assign s = big | split: '' %}" + Repeat("{% assign s = s | sort %}", 100));
        yield return ("filters", Chain, "{{ a " + Repeat("| upcase ", 20_000) + "}}");
        yield return ("filters on a long text", Work, "{% for i in list %}{{ big " + Repeat("| upcase ", 100) + " | size }}{% endfor %}");
        yield return ("operators", Expressions, "{% if a " + Repeat("and a ", 40_000) + "%}x{% endif %}");
        yield return ("alternatives", Expressions, "{% if b " + Repeat("or b ", 40_000) + "%}x{% endif %}");
        yield return ("nested blocks", Depth, Repeat("{% if a %}", 10_000) + Repeat("{% endif %}", 10_000));
        yield return ("nested unclosed blocks", Depth, Repeat("{% for i in list %}", 12_000));
        yield return ("nested indexes", Depth, "{{ " + Repeat("a[", 60_000) + "0" + Repeat("]", 60_000) + " }}");
        yield return ("nested parentheses", Depth, "{{ " + Repeat("(", 200_000) + " }}");
        yield return ("nested captures", Depth, Repeat("{% capture a %}", 5_000) + "x" + Repeat("{% endcapture %}", 5_000));
        yield return ("nested cases", Depth, Repeat("{% case a %}{% when 'a' %}", 5_000) + Repeat("{% endcase %}", 5_000));
        yield return ("outputs", Expressions, Repeat("{{ a }}", 30_000));
        yield return ("output of a million characters", Output, Repeat("{{ big }}", 4));
        yield return ("text of a megabyte", Length, "{{ a }}" + new string('x', 900_000));
        yield return ("width of a date", Digits, "{{ 'now' | date: '%1000000000Y' | size }}");
        yield return ("precision of a number", Filter, "{{ 5 | format_number: 'D999999999' | size }}");
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
