namespace LlmRing.Modules.Usage.Filters;

/// <summary>
/// The accepted values of one column, as rollups hold them: an absent value is the empty text. The query says <c>~none</c> for it.
/// </summary>
internal sealed record FilterValues
{
    private const string None = "~none";

    private FilterValues(string[] values) => Values = values;

    public string[] Values { get; }

    /// <summary>Whether rows without a value are accepted.</summary>
    public bool IncludesAbsent => Values.Contains("");

    /// <summary>Reads the values of a query parameter; null when there are none, which accepts everything.</summary>
    public static FilterValues? Of(IReadOnlyList<string>? texts) => Of(texts, text => text);

    /// <inheritdoc cref="Of(IReadOnlyList{string})"/>
    /// <param name="texts">The values; empty ones are ignored.</param>
    /// <param name="normalize">Turns a text into the stored value.</param>
    public static FilterValues? Of(IReadOnlyList<string>? texts, Func<string, string> normalize)
    {
        var values = (texts ?? []).Where(text => text.Length > 0).Select(text => text is None ? "" : normalize(text))
            .Distinct().Order(StringComparer.Ordinal).ToArray();
        return values.Length == 0 ? null : new FilterValues(values);
    }
}
