using System.Collections.Frozen;
using System.Text;
using LlmRing.Modules.Otlp.Calls;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>
/// The attributes that are read, and the bounds of what is read. All others are skipped: among them are prompts, headers and command
/// lines, which never reach the database.
/// </summary>
internal static class WantedAttributes
{
    /// <summary>Levels of nested values.</summary>
    public const int MaxDepth = 32;

    /// <summary>Characters of names, which are cut.</summary>
    public const int MaxName = 255;

    // Characters of values. Longer ones are left out.
    private const int MaxText = 1_024;
    private const int MaxObject = 256 * 1_024;
    private const int MaxKey = 128;

    private static readonly FrozenDictionary<string, int> MaxTexts = SourceAttributes.General.All
        .Concat(SourceAttributes.ClaudeCode.All)
        .Concat(SourceAttributes.Codex.All)
        .Concat(SourceAttributes.TotalTokens)
        .Concat(SourceAttributes.Models)
        .Concat(SourceAttributes.Providers)
        .Concat(SourceAttributes.ResponseIds)
        .Concat(SourceAttributes.ServiceTiers)
        .Concat(SourceAttributes.Costs)
        .Concat(SourceAttributes.Conversations)
        .Concat(SourceAttributes.Users)
        .Concat(SourceAttributes.FinishReasons)
        .Concat(SourceAttributes.Single)
        .Distinct()
        .Select(name => (Name: name, Max: MaxText))
        .Concat(SourceAttributes.Objects.Select(name => (Name: name, Max: MaxObject)))
        .ToFrozenDictionary(wanted => wanted.Name, wanted => wanted.Max, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, string> Names = MaxTexts.Keys.ToFrozenDictionary(name => name, StringComparer.Ordinal);
    private static readonly FrozenDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> ByCharacters =
        Names.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The name of a wanted attribute; null for another one.</summary>
    public static string? Find(ReadOnlySpan<char> key) => ByCharacters.TryGetValue(key, out var name) ? name : null;

    /// <inheritdoc cref="Find(ReadOnlySpan{char})"/>
    /// <param name="key">The name in UTF-8.</param>
    public static string? Find(ReadOnlySpan<byte> key)
    {
        if (key.Length > MaxKey)
            return null;
        Span<char> characters = stackalloc char[MaxKey];
        return Find(characters[..Encoding.UTF8.GetChars(key, characters)]);
    }

    /// <summary>The characters that the value of a wanted attribute may have.</summary>
    public static int MaxTextOf(string name) => MaxTexts[name];

    /// <summary>Cuts a text, and not within a surrogate pair.</summary>
    public static string Cut(string text, int max) => text.Length <= max ? text
        : text[..(char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)];
}
