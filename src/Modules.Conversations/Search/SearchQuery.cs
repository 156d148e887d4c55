using System.Globalization;
using System.Text;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>
/// What a caller searches for: words, <c>"phrases"</c>, <c>or</c>, <c>-without</c>, <c>prefix*</c>. Each word becomes the phrase
/// of its lexemes: <c>config.max_retries</c> is found where its two parts follow each other.
/// </summary>
/// <param name="Text">The text form of a PostgreSQL <c>tsquery</c>; empty when there is no word to find.</param>
/// <param name="Phrases">The words and phrases that a hit may contain, for its snippet.</param>
internal sealed record SearchQuery(string Text, IReadOnlyList<IReadOnlyList<SearchTerm>> Phrases)
{
    /// <summary>A prefix of one letter would match a large part of the index; it is taken for a word.</summary>
    private const int MinimumPrefix = 2;

    /// <summary>Reads a query. Any text is valid.</summary>
    public static SearchQuery Parse(string text)
    {
        var query = new StringBuilder();
        var phrases = new List<IReadOnlyList<SearchTerm>>();
        var isAlternative = false;
        for (var index = 0; index < text.Length;)
        {
            if (char.IsWhiteSpace(text[index]))
            {
                index++;
                continue;
            }

            // Two hyphens begin an option of a command line.
            var isExcluded = text[index] == '-' && text.AsSpan(index + 1) is not ['-', ..];
            if (isExcluded)
                index++;
            if (index == text.Length)
                break;

            var isQuoted = IsQuote(text[index]);
            var start = isQuoted ? index + 1 : index;
            for (index = start; index < text.Length && !IsQuote(text[index]) && (isQuoted || !char.IsWhiteSpace(text[index]));)
                index++;
            var word = text[start..index];
            if (isQuoted)
                index++;

            if (!isQuoted && !isExcluded && word.Equals("or", StringComparison.OrdinalIgnoreCase))
            {
                isAlternative = true;
                continue;
            }

            var phrase = PhraseOf(word, isPrefix: !isQuoted && word.EndsWith('*'));
            if (phrase.Count == 0)
                continue;

            // As in web searches, "or" binds weaker than the blank between two words.
            query.Append(query.Length == 0 ? "" : isAlternative ? " | " : " & ").Append(isExcluded ? "!" : "");
            AppendTo(query, phrase);
            if (!isExcluded)
                phrases.Add(phrase);
            isAlternative = false;
        }

        return new SearchQuery(query.ToString(), phrases);
    }

    private static List<SearchTerm> PhraseOf(string word, bool isPrefix)
    {
        var tokens = SearchTokenizer.Tokenize(word).Where(token => token.IsQueried).ToList();
        return [.. tokens.Select((token, index) => new SearchTerm(
            token.Lexeme,
            token.Position - tokens[0].Position,
            token.IsCharacter || (isPrefix && index == tokens.Count - 1 && token.Lexeme.Length >= MinimumPrefix)))];
    }

    private static void AppendTo(StringBuilder query, List<SearchTerm> phrase)
    {
        query.Append('(');
        for (var index = 0; index < phrase.Count; index++)
        {
            if (index > 0)
                query.Append(CultureInfo.InvariantCulture, $" <{phrase[index].Offset - phrase[index - 1].Offset}> ");
            query.Append(CultureInfo.InvariantCulture, $"'{phrase[index].Lexeme}'{(phrase[index].IsPrefix ? ":*" : "")}");
        }

        query.Append(')');
    }

    private static bool IsQuote(char character) => character is '"' or '\u201C' or '\u201D' or '\u201E';
}

/// <summary>A lexeme of a phrase.</summary>
/// <param name="Lexeme">The lexeme.</param>
/// <param name="Offset">The words between the phrase's first and this one, plus one; 0 for the first.</param>
/// <param name="IsPrefix">Whether the lexeme may go on.</param>
internal readonly record struct SearchTerm(string Lexeme, int Offset, bool IsPrefix)
{
    /// <summary>Whether a lexeme of a text is the term.</summary>
    public bool Matches(string lexeme) => IsPrefix ? lexeme.StartsWith(Lexeme, StringComparison.Ordinal) : lexeme == Lexeme;
}
