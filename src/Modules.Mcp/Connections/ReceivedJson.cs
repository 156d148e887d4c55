using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LlmRing.Modules.Mcp.Validation;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Converts JSON of an MCP server into JSON that the database can store and a response can contain.</summary>
internal static partial class ReceivedJson
{
    /// <summary>
    /// Keeps the JSON as it is, but for U+0000, which PostgreSQL's jsonb cannot hold, and lone surrogates, which no UTF-8 can hold: both
    /// become U+FFFD.
    /// </summary>
    /// <exception cref="McpFailureException">The name of a member has a lone surrogate, or the JSON is nested too deeply.</exception>
    public static JsonElement Read(JsonNode? node)
    {
        try
        {
            var json = Write(node);
            var options = new JsonDocumentOptions { MaxDepth = JsonRules.MaxDepth };
            return json.IndexOf("\\u0000"u8) < 0
                ? JsonElement.Parse(json, options)
                : JsonElement.Parse(EscapePattern().Replace(Encoding.UTF8.GetString(json), ReplaceNul), options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new McpFailureException(
                McpFailure.Failed, "The MCP server's answer cannot be read: it is no JSON, or nested too deeply", exception);
        }
    }

    private static ReadOnlySpan<byte> Write(JsonNode? node)
    {
        var buffer = new ArrayBufferWriter<byte>();
        try
        {
            using var writer = new Utf8JsonWriter(buffer);
            if (node is null)
                writer.WriteNullValue();
            else
                node.WriteTo(writer);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException)
        {
            // A text has a lone surrogate, or the JSON is faulty otherwise.
            buffer.ResetWrittenCount();
            using var writer = new Utf8JsonWriter(buffer);
            WriteWithoutLoneSurrogates(writer, node);
        }

        return buffer.WrittenSpan;
    }

    private static void WriteWithoutLoneSurrogates(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                writer.WriteStartObject();
                foreach (var (name, value) in members)
                {
                    writer.WritePropertyName(name);
                    WriteWithoutLoneSurrogates(writer, value);
                }

                writer.WriteEndObject();
                break;
            case JsonArray items:
                writer.WriteStartArray();
                foreach (var item in items)
                    WriteWithoutLoneSurrogates(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValue value when value.TryGetValue<JsonElement>(out var element) && element.ValueKind is JsonValueKind.String:
                writer.WriteRawValue(SurrogatePattern().Replace(element.GetRawText(), ReplaceLoneSurrogate));
                break;
            case null:
                writer.WriteNullValue();
                break;
            default:
                node.WriteTo(writer);
                break;
        }
    }

    // The pattern consumes escaped backslashes as well, so that \\u0000 (a backslash and the text "u0000") stays as it is.
    private static string ReplaceNul(Match match) => match.Value is @"\\" ? match.Value : @"\uFFFD";

    private static string ReplaceLoneSurrogate(Match match) => match.Groups["lone"].Success ? @"\uFFFD" : match.Value;

    [GeneratedRegex(@"\\\\|\\u0000")]
    private static partial Regex EscapePattern();

    // Escaped backslashes and whole pairs are consumed and kept.
    [GeneratedRegex(@"\\\\|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?<lone>\\u[dD][89a-fA-F]..)")]
    private static partial Regex SurrogatePattern();
}
