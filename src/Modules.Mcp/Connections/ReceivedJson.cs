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
    /// <summary>Keeps the JSON as it is, but for U+0000, which PostgreSQL's jsonb cannot hold and which becomes U+FFFD.</summary>
    /// <exception cref="McpFailureException">A text has a lone surrogate, or the JSON is nested too deeply.</exception>
    public static JsonElement Read(JsonNode? node)
    {
        try
        {
            var buffer = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(buffer))
            {
                if (node is null)
                    writer.WriteNullValue();
                else
                    node.WriteTo(writer);
            }

            var options = new JsonDocumentOptions { MaxDepth = JsonRules.MaxDepth };
            return buffer.WrittenSpan.IndexOf("\\u0000"u8) < 0
                ? JsonElement.Parse(buffer.WrittenSpan, options)
                : JsonElement.Parse(EscapePattern().Replace(Encoding.UTF8.GetString(buffer.WrittenSpan), ReplaceNul), options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new McpFailureException(
                McpFailure.Failed, "The MCP server's answer cannot be read: it is no JSON, or nested too deeply", exception);
        }
    }

    // The pattern consumes escaped backslashes as well, so that \\u0000 (a backslash and the text "u0000") stays as it is.
    private static string ReplaceNul(Match match) => match.Value is @"\\" ? match.Value : @"\uFFFD";

    [GeneratedRegex(@"\\\\|\\u0000")]
    private static partial Regex EscapePattern();
}
