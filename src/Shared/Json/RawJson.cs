using System.Data;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;

namespace LlmRing.Shared.Json;

/// <summary>
/// Free-form JSON that is copied between a jsonb column and the API without being parsed into objects. Statements write it as
/// <c>@name::jsonb</c>.
/// </summary>
/// <param name="Text">The JSON.</param>
[JsonConverter(typeof(RawJsonConverter))]
public readonly record struct RawJson(string Text)
{
    /// <summary><c>{}</c>.</summary>
    public static RawJson EmptyObject { get; } = new("{}");

    /// <summary><c>[]</c>.</summary>
    public static RawJson EmptyArray { get; } = new("[]");

    /// <summary>The text of a request's member; null where the member is absent or null.</summary>
    public static RawJson? Of(JsonElement? element) =>
        element is { ValueKind: not JsonValueKind.Null } value ? new RawJson(value.GetRawText()) : null;
}

internal sealed class RawJsonConverter : JsonConverter<RawJson>
{
    public override RawJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(JsonElement.ParseValue(ref reader).GetRawText());

    public override void Write(Utf8JsonWriter writer, RawJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Text, skipInputValidation: true);
}

internal sealed class RawJsonHandler : SqlMapper.TypeHandler<RawJson>
{
    public override RawJson Parse(object value) => new(Unwrap((string)value));

    public override void SetValue(IDbDataParameter parameter, RawJson value) => parameter.Value = value.Text;

    /// <summary>The reference server wrote some JSON values as a JSON string that holds the JSON text.</summary>
    private static string Unwrap(string text)
    {
        if (text is not ['"', ..] || JsonSerializer.Deserialize<string>(text) is not { } inner)
            return text;

        try
        {
            using var parsed = JsonDocument.Parse(inner);
            return inner;
        }
        catch (JsonException)
        {
            // The text is an ordinary JSON string.
            return text;
        }
    }
}
