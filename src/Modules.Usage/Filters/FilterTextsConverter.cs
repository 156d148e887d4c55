using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>Reads the values of a filter in a body: a text, or an array of texts.</summary>
internal sealed class FilterTextsConverter : JsonConverter<IReadOnlyList<string>>
{
    public override IReadOnlyList<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        // Token by token: an exception of a nested call to JsonSerializer would not name the member.
        var text = (JsonConverter<string>)options.GetConverter(typeof(string));
        if (reader.TokenType is not JsonTokenType.StartArray)
            return [text.Read(ref reader, typeof(string), options)!];

        var texts = new List<string>();
        while (reader.Read() && reader.TokenType is not JsonTokenType.EndArray)
            texts.Add(text.Read(ref reader, typeof(string), options)!);
        return texts;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string> value, JsonSerializerOptions options) =>
        JsonSerializer.Serialize(writer, value, options);
}
