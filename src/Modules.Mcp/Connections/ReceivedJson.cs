using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>JSON of an MCP server, made fit for this server's database and answers.</summary>
internal static partial class ReceivedJson
{
    /// <summary>Keeps all of it, but for the character that PostgreSQL's jsonb cannot hold: U+0000 becomes U+FFFD.</summary>
    /// <exception cref="McpFailureException">It is no JSON text (a lone surrogate is none), or nested too deeply.</exception>
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
                : JsonElement.Parse(Escape().Replace(Encoding.UTF8.GetString(buffer.WrittenSpan), Storable), options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new McpFailureException(McpFailure.Failed, "The MCP server's answer cannot be read: it is no JSON, or nested too deeply", exception);
        }
    }

    // An escaped backslash is matched so as to be passed over.
    private static string Storable(Match match) => match.Value is @"\\" ? match.Value : @"\uFFFD";

    [GeneratedRegex(@"\\\\|\\u0000")]
    private static partial Regex Escape();
}
