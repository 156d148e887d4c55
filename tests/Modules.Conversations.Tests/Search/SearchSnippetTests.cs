using LlmRing.Modules.Conversations.Search;

namespace LlmRing.Modules.Conversations.Tests.Search;

/// <summary>Examples of snippets.</summary>
public sealed class SearchSnippetTests
{
    [Test]
    [Arguments("a <b> & c", "c", "a &lt;b&gt; &amp; <mark>c</mark>")]
    [Arguments("System.NullReferenceException", "reference", "System.Null<mark>Reference</mark>Exception")]
    [Arguments("set config.max_retries now", "config.max_retries", "set <mark>config.max_retries</mark> now")]
    [Arguments("東京と東京都庁", "東京都", "東京と<mark>東京都</mark>庁")]
    [Arguments("red apple, red pear", "\"red pear\"", "red apple, <mark>red pear</mark>")]
    [Arguments("nullify null", "nul*", "<mark>nullify</mark> <mark>null</mark>")]
    [Arguments("red apple", "-pear", "red apple")]
    [Arguments("…", "-pear", "…")]
    public async Task A_text_and_a_query_give_this_snippet(string text, string query, string snippet) =>
        await Assert.That(SearchSnippet.Of(text, SearchQuery.Parse(query))).IsEqualTo(snippet);

    [Test]
    public async Task A_long_text_is_shown_around_its_first_matches()
    {
        var words = Enumerable.Range(0, 1000).Select(number => $"w{number}").ToArray();

        await Assert.That(SearchSnippet.Of(string.Join(' ', words), SearchQuery.Parse("w100 or w110 or w500 or w900"))).IsEqualTo(
            string.Join(' ', words[92..122]).Replace("w100", "<mark>w100</mark>").Replace("w110", "<mark>w110</mark>")
                + " ... " + string.Join(' ', words[492..522]).Replace("w500", "<mark>w500</mark>"));
    }
}
