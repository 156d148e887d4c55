using LlmRing.Modules.Conversations.Search;

namespace LlmRing.Modules.Conversations.Tests.Search;

/// <summary>Examples of queries and their tsquery.</summary>
public sealed class SearchQueryTests
{
    [Test]
    [Arguments("", "")]
    [Arguments("? - or", "")]
    [Arguments("Red apple", "('red') & ('apple')")]
    [Arguments("\"red apple\" pie", "('red' <1> 'apple') & ('pie')")]
    [Arguments("“red apple”", "('red' <1> 'apple')")]
    [Arguments("pie or pear -plum", "('pie') | ('pear') & !('plum')")]
    [Arguments("-\"red apple\" pie", "!('red' <1> 'apple') & ('pie')")]
    [Arguments("--no-cache", "('no' <1> 'cache')")]
    [Arguments("config.maxRe*", "('config' <1> 'maxre':*)")]
    [Arguments("a*", "('a')")]
    [Arguments("東京都2020年", "('東京' <1> '京都' <2> '2020' <1> '年':*)")]
    [Arguments("it's \\' & ! (", "('it' <1> 's')")]
    public async Task A_query_becomes_this_tsquery(string text, string query) =>
        await Assert.That(SearchQuery.Parse(text).Text).IsEqualTo(query);
}
