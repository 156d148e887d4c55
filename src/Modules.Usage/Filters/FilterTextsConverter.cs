using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>Reads the values of a filter in a body: a text, or an array of texts.</summary>
internal sealed class FilterTextsConverter : JsonConverter<IReadOnlyList<string>>
{
    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType is JsonTokenType.String)
            return [JsonSerializer.Deserialize<string>(ref reader, options)!];
        var texts = JsonSerializer.Deserialize<string[]>(ref reader, options)!;
        return texts.Contains(null) ? throw new JsonException() : texts;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, options);
}
