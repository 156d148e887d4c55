using System.Data;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;

namespace LlmRing.Modules.Conversations;

/// <summary>Free-form JSON on its way from a jsonb column to an answer: copied, never parsed into objects.</summary>
[JsonConverter(typeof(StoredJsonConverter))]
internal readonly record struct StoredJson(string Text)
{
    public static StoredJson EmptyObject { get; } = new("{}");

    public static StoredJson? Of(JsonElement? element) =>
        element is { ValueKind: not JsonValueKind.Null } value ? new StoredJson(value.GetRawText()) : null;
}

internal sealed class StoredJsonConverter : JsonConverter<StoredJson>
{
    public override StoredJson Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(JsonElement.ParseValue(ref reader).GetRawText());

    public override void Write(Utf8JsonWriter writer, StoredJson value, JsonSerializerOptions options) =>
        writer.WriteRawValue(value.Text, skipInputValidation: true);
}

internal sealed class StoredJsonHandler : SqlMapper.TypeHandler<StoredJson>
{
    public override StoredJson Parse(object value) => new(Unwrap((string)value));

    public override void SetValue(IDbDataParameter parameter, StoredJson value) => parameter.Value = value.Text;

    /// <summary>The reference server left rows whose JSON is a string that holds the JSON that was meant.</summary>
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
            // An ordinary string.
            return text;
        }
    }
}
