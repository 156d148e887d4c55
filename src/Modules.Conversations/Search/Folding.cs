using System.Collections.Frozen;
using System.Text;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>
/// Folds characters for the search: compatibility forms, case and accents. The server runs without ICU, where .NET does not
/// normalize; so <c>folding.txt</c> holds Unicode's decompositions (see <c>scripts/make-folding.py</c>).
/// </summary>
internal static class Folding
{
    private const int FirstLead = 0x1100, FirstVowel = 0x1161, FirstTail = 0x11A7, FirstSyllable = 0xAC00;
    private const int Leads = 19, Vowels = 21, Tails = 28, Syllables = Leads * Vowels * Tails;

    private static readonly FrozenDictionary<string, string> Table = Read();
    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> Lookup =
        Table.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The folding of one character; its lower case if the table has no other.</summary>
    public static string Fold(ReadOnlySpan<char> character)
    {
        if (Lookup.TryGetValue(character, out var folding))
            return folding;

        Rune.DecodeFromUtf16(character, out var rune, out _);
        return Rune.ToLowerInvariant(rune).ToString();
    }

    /// <summary>Composes Hangul letters to a syllable, and a kana with its voicing mark.</summary>
    /// <returns>The composed character; null when the two do not compose.</returns>
    public static Rune? Compose(Rune first, Rune second)
    {
        var (lead, vowel) = (first.Value - FirstLead, second.Value - FirstVowel);
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
            return new Rune(FirstSyllable + (((lead * Vowels) + vowel) * Tails));

        var (syllable, tail) = (first.Value - FirstSyllable, second.Value - FirstTail);
        if (syllable is >= 0 and < Syllables && syllable % Tails == 0 && tail is > 0 and < Tails)
            return new Rune(first.Value + tail);

        return second.Value is 0x3099 or 0x309A
            && first.IsBmp
            && Lookup.TryGetValue([(char)first.Value, (char)second.Value], out var composed)
            ? new Rune(composed[0])
            : null;
    }

    private static FrozenDictionary<string, string> Read()
    {
        using var reader = new StreamReader(typeof(Folding).Assembly.GetManifestResourceStream("folding.txt")!, Encoding.UTF8);
        var table = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.ReadLine() is { } line)
        {
            var separator = line.IndexOf('\t', StringComparison.Ordinal);
            table.Add(line[..separator], line[(separator + 1)..]);
        }

        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
