using System.Globalization;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>The wanted attributes of a resource, a span or a log record. Of two values of one name the last one counts.</summary>
internal sealed class AttributeSet
{
    private Dictionary<string, AttributeValue>? _values;

    public void Set(string name, AttributeValue value) => (_values ??= new(StringComparer.Ordinal))[name] = value;

    public AttributeValue? Find(string name) => _values is not null && _values.TryGetValue(name, out var value) ? value : null;

    /// <summary>The attribute as text; null where it is absent or empty.</summary>
    public string? TextOf(string name) => Find(name)?.ToString() is { Length: > 0 } text ? text : null;

    /// <summary>The first of some attributes that has a text.</summary>
    public string? FirstTextOf(IEnumerable<string> names) => names.Select(TextOf).FirstOrDefault(text => text is not null);
}

/// <summary>The value of an attribute: a text, an integer or a floating-point number. Other types are text.</summary>
/// <param name="Text">The text; null for a number.</param>
/// <param name="Integer">The integer; null for another type.</param>
/// <param name="Number">The floating-point number; null for another type.</param>
internal readonly record struct AttributeValue(string? Text, long? Integer, double? Number)
{
    public static AttributeValue Of(string text) => new(text, null, null);

    public static AttributeValue Of(long integer) => new(null, integer, null);

    public static AttributeValue Of(double number) => new(null, null, number);

    public static AttributeValue Of(bool flag) => Of(flag ? "true" : "false");

    public override string ToString() => Text
        ?? Integer?.ToString(CultureInfo.InvariantCulture)
        ?? Number?.ToString(CultureInfo.InvariantCulture)
        ?? "";
}
