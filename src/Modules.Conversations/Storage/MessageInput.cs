using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>
/// A message as clients send it, or an item of OpenAI's Responses API (see <see cref="ResponsesItem"/>). <see cref="MessageRules"/>
/// checks the values.
/// </summary>
internal record MessageInput
{
    /// <summary>system, user, assistant, tool, developer, function, or Google's model, which is stored as assistant.</summary>
    public string? Role { get; init; }

    /// <summary>Text, null, or a multimodal array (kept as its JSON text).</summary>
    [JsonConverter(typeof(MessageContentConverter))]
    public string? Content { get; init; }

    public JsonElement? ToolCalls { get; init; }
    public JsonElement? ToolResults { get; init; }

    /// <summary>The id of the tool call that a message of the role tool answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>The name of the participant or of the function.</summary>
    public string? Name { get; init; }

    /// <summary>An object; a number in its member <c>cost</c> (USD) is added to the conversation's total.</summary>
    public JsonElement? Metadata { get; init; }

    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }

    /// <summary>The time of the message; UTC where the offset is missing. Absent: the time at which the message is stored.</summary>
    public DateTime? Timestamp { get; init; }

    /// <summary>All other members. They are stored in the metadata, under <c>extra</c>.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Extra { get; init; }

    /// <summary>The cost in USD that the metadata names; 0 when the metadata names none as a number.</summary>
    public decimal CostOf() =>
        Metadata is { ValueKind: JsonValueKind.Object } metadata
        && metadata.TryGetProperty("cost", out var cost)
        && cost.ValueKind is JsonValueKind.Number
        && cost.TryGetDecimal(out var value)
            // Twelve decimal places are finer than any price, and keep sums within the range of a decimal.
            ? decimal.Round(value, 12)
            : 0;
}

/// <summary>Reads text as it is and an array as its JSON text.</summary>
internal sealed class MessageContentConverter : JsonConverter<string>
{
    // Delegates to the API's converters, which reject text that PostgreSQL cannot store; a nested call of JsonSerializer
    // would lose the error's JSON path.
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.StartArray
            ? ConverterOf<JsonElement>(options).Read(ref reader, typeof(JsonElement), options).GetRawText()
            : ConverterOf<string>(options).Read(ref reader, typeof(string), options);

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);

    private static JsonConverter<T> ConverterOf<T>(JsonSerializerOptions options) => (JsonConverter<T>)options.GetConverter(typeof(T));
}
