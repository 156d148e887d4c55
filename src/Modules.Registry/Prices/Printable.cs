using System.Globalization;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>Texts of clients and files, made fit for one line of the log.</summary>
internal static class Printable
{
    private const int MaxLength = 100;

    /// <summary>The first 100 characters, without characters that could break the line or hide what is written.</summary>
    public static string From(string text) => string.Concat(text.Take(MaxLength).Where(character => char.GetUnicodeCategory(character)
        is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate)));
}
