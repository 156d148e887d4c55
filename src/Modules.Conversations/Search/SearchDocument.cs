using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>Writes the lexemes of a text as a PostgreSQL <c>tsvector</c>.</summary>
internal static class SearchDocument
{
    /// <summary>PostgreSQL's largest position. Later words count from 1 again, so phrases are found anywhere in a text.</summary>
    private const int MaximumPosition = 16_383;

    /// <summary>PostgreSQL keeps this many positions of a lexeme.</summary>
    private const int MaximumPositions = 255;

    /// <summary>A tsvector holds less than a megabyte, and the lexemes of the scope are added later.</summary>
    private const int MaximumBytes = 1_000_000;

    /// <summary>The text form of the tsvector; of a text with more words than a tsvector holds, those at its beginning.</summary>
    public static string Of(string text)
    {
        var positions = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        var bytes = 0;
        foreach (var token in SearchTokenizer.Tokenize(text))
        {
            ref var found = ref CollectionsMarshal.GetValueRefOrAddDefault(positions, token.Lexeme, out var exists);
            // Each lexeme is followed by at most one byte of alignment, two bytes for the number of positions, and two for each.
            bytes += exists ? 2 : Encoding.UTF8.GetByteCount(token.Lexeme) + 5;
            if (bytes > MaximumBytes)
                break;
            found ??= [];
            if (found.Count < MaximumPositions)
                found.Add((token.Position % MaximumPosition) + 1);
        }

        var document = new StringBuilder();
        foreach (var (lexeme, found) in positions)
        {
            if (found is not null)
                document.Append(CultureInfo.InvariantCulture, $"'{lexeme}':{string.Join(',', found)} ");
        }

        return document.ToString();
    }
}
