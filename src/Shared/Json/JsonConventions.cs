using System.Text.Json;
using System.Text.Json.Serialization;

namespace LlmRing.Shared.Json;

/// <summary>The JSON of this API: snake_case, strict numbers, and no text that PostgreSQL cannot store.</summary>
public static class JsonConventions
{
    /// <summary>The conventions as read-only options.</summary>
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Applies the conventions to existing options.</summary>
    public static void Apply(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.PropertyNameCaseInsensitive = false;
        options.NumberHandling = JsonNumberHandling.Strict;
        // The depth of the whole body; a deeper body is a 422.
        options.MaxDepth = 64;
        options.Converters.Add(new EnumConverterFactory());
        options.Converters.Add(new StorableStringConverter());
        options.Converters.Add(new StorableElementConverter());
    }

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web);
        Apply(options);
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>Converts enum values to and from their names; see <see cref="EnumNames"/>.</summary>
    private sealed class EnumConverterFactory : JsonConverterFactory
    {
        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

        public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
            (JsonConverter)Activator.CreateInstance(typeof(EnumConverter<>).MakeGenericType(typeToConvert))!;
    }

    private sealed class EnumConverter<T> : JsonConverter<T>
        where T : struct, Enum
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType is JsonTokenType.String && EnumNames.Find(typeof(T), reader.GetString()) is T value
                ? value
                : throw new JsonException(EnumNames.Accepted(typeof(T)));

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteStringValue(JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()));
    }

    /// <summary>Refuses U+0000, the one character that a PostgreSQL text cannot hold.</summary>
    private sealed class StorableStringConverter : JsonConverter<string>
    {
        public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (reader.TokenType is not JsonTokenType.String)
                throw new JsonException();
            return Check(reader.GetString()!);
        }

        public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            Check(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value);

        public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
            writer.WritePropertyName(value);

        private static string Check(string text) =>
            text.Contains('\0') ? throw new JsonException("A text must not contain the character U+0000.") : text;
    }

    /// <summary>Refuses U+0000 and lone surrogates in free-form JSON, which PostgreSQL's jsonb cannot hold.</summary>
    private sealed class StorableElementConverter : JsonConverter<JsonElement>
    {
        public override bool HandleNull => true;

        public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var element = JsonElement.ParseValue(ref reader);
            // Both can only be written as an escape sequence, so JSON without one needs no check.
            if (element.ValueKind is not JsonValueKind.Null && element.GetRawText().Contains("\\u", StringComparison.Ordinal))
                Check(element);
            return element;
        }

        public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options) => value.WriteTo(writer);

        private static void Check(JsonElement element)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object:
                    foreach (var member in element.EnumerateObject())
                    {
                        Check(() => member.Name);
                        Check(member.Value);
                    }

                    break;
                case JsonValueKind.Array:
                    foreach (var item in element.EnumerateArray())
                        Check(item);
                    break;
                case JsonValueKind.String:
                    Check(() => element.GetString()!);
                    break;
            }
        }

        private static void Check(Func<string> read)
        {
            try
            {
                if (!read().Contains('\0'))
                    return;
            }
            catch (InvalidOperationException exception)
            {
                throw new JsonException("A text must not contain a lone surrogate.", exception);
            }

            throw new JsonException("A text must not contain the character U+0000.");
        }
    }
}
