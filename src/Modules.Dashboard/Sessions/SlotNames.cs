using System.Globalization;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Dashboard.Sessions;

/// <summary>Names for the keys of a session, for addresses and for the page.</summary>
internal static partial class SlotNames
{
    private const int MaxLength = 32;

    /// <summary>Names a key by its label, or by its number in the session.</summary>
    public static SessionKey Name(IReadOnlyList<SessionKey> held, string key, string? label)
    {
        var text = string.IsNullOrWhiteSpace(label) ? $"Project {held.Count + 1}" : label.Trim();
        var slot = Separator().Replace(text.ToLowerInvariant(), "-").Trim('-');
        slot = slot.Length == 0 ? "project" : slot[..Math.Min(slot.Length, MaxLength)].Trim('-');
        var unique = slot;
        // The page under "new" asks for a further key.
        for (var number = 2; unique is "new" || held.Any(other => other.Slot == unique); number++)
            unique = string.Create(CultureInfo.InvariantCulture, $"{slot}-{number}");
        return new SessionKey(unique, text, key);
    }

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex Separator();
}
