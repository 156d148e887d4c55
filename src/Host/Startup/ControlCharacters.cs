using System.Globalization;
using System.Text;

namespace LlmRing.Host.Startup;

/// <summary>Control characters in texts of strangers, which could forge lines or steer a terminal.</summary>
internal static class ControlCharacters
{
    /// <summary>
    /// Writes control characters, line separators and invisible format characters (such as those that reverse the direction of text) as
    /// <c>\u001B</c>.
    /// </summary>
    public static string Escape(string text)
    {
        if (!text.Any(IsHarmful))
            return text;

        var escaped = new StringBuilder(text.Length + 16);
        foreach (var character in text)
        {
            if (IsHarmful(character))
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            else
                escaped.Append(character);
        }

        return escaped.ToString();
    }

    private static bool IsHarmful(char character) => char.GetUnicodeCategory(character) is UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
