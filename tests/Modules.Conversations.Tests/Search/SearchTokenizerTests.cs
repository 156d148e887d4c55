using LlmRing.Modules.Conversations.Search;

namespace LlmRing.Modules.Conversations.Tests.Search;

/// <summary>Examples of texts and their lexemes: those of one word are joined by "+", the one that a query asks for is first.</summary>
public sealed class SearchTokenizerTests
{
    [Test]
    [Arguments("", "")]
    [Arguments("?! <-> __", "")]
    [Arguments("The train", "the train")]
    [Arguments("maxRetries", "maxretries+max+retries")]
    [Arguments("MAX_RETRIES", "maxretries+max+retries")]
    [Arguments("HTTPServer", "httpserver+http+server")]
    [Arguments("utf8", "utf8+utf+8")]
    [Arguments("System.NullReferenceException",
        "system nullreferenceexception+null+nullreference+reference+referenceexception+exception")]
    [Arguments("ORA-12154", "ora 12154")]
    [Arguments("9fceb02d0ae598e95d", "9fceb02d0ae598e95d")]
    [Arguments("Zürich Ærø ﬁn", "zurich aero fin")]
    [Arguments("Zu\u0308rich", "zurich")]
    [Arguments("Ελλάς αΩ", "ελλασ αω+α+ω")]
    [Arguments("soft\u00ADware", "software")]
    [Arguments("２０２６年", "2026 年")]
    [Arguments("東京都", "東京 京都 都")]
    [Arguments("東", "東")]
    [Arguments("ｶﾞﾝ", "ガン ン")]
    [Arguments("か\u3099ん", "がん ん")]
    [Arguments("\u1112\u1161\u11AB\u1100\u116E\u11A8", "한국 국")]
    [Arguments("𠮷野家", "𠮷野 野家 家")]
    [Arguments("iPadを", "ipad+i+pad を")]
    public async Task A_text_has_these_lexemes(string text, string lexemes)
    {
        var words = SearchTokenizer.Tokenize(text).GroupBy(token => token.Position)
            .Select(word => string.Join('+', word.OrderByDescending(token => token.IsQueried).Select(token => token.Lexeme)));

        await Assert.That(string.Join(' ', words)).IsEqualTo(lexemes);
    }

    [Test]
    public async Task A_lexeme_knows_its_place_in_the_text()
    {
        const string text = "a Zu\u0308rich_Nord 東京";

        await Assert.That(string.Join('|', SearchTokenizer.Tokenize(text).Select(token => $"{token.Lexeme}={text[token.Start..token.End]}")))
            .IsEqualTo("a=a|zurich=Zu\u0308rich|nord=Nord|zurichnord=Zu\u0308rich_Nord|東京=東京|京=京");
    }

    [Test]
    public async Task A_long_word_is_cut()
    {
        await Assert.That(SearchTokenizer.Tokenize(new string('x', 100_000)).Single().Lexeme.Length).IsEqualTo(128);
    }
}
