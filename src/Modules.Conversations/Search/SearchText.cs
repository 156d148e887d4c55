using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>The text of a message that is indexed and shown: without JSON syntax, data URLs and base64.</summary>
internal static partial class SearchText
{
    /// <summary>Characters of a message that are searched.</summary>
    private const int MaximumLength = 200_000;

    private enum Mode
    {
        /// <summary>Content and tool calls in the formats of providers: member names and types are syntax.</summary>
        Format,

        /// <summary>Arguments and results of tools: all values are text.</summary>
        Values,

        /// <summary>JSON that a participant wrote: member names are text, too.</summary>
        Written,
    }

    /// <summary>The text of a message.</summary>
    /// <param name="content">Plain text, or the JSON text of a multimodal array.</param>
    /// <param name="toolCalls">A JSON array.</param>
    /// <param name="toolResults">A JSON array.</param>
    public static string Of(string? content, string? toolCalls, string? toolResults)
    {
        var text = new StringBuilder();
        AppendContent(text, content);
        if (!TryAppendJson(text, toolCalls, Mode.Format))
            Append(text, toolCalls);
        if (!TryAppendJson(text, toolResults, Mode.Format))
            Append(text, toolResults);
        return text.ToString(0, Math.Min(text.Length, MaximumLength));
    }

    private static void AppendContent(StringBuilder text, string? content)
    {
        if (!TryAppendJson(text, content, null))
            Append(text, content);
    }

    /// <param name="text">Receives the strings.</param>
    /// <param name="json">Any text.</param>
    /// <param name="mode">Null: Format if the JSON is a multimodal array, else Written.</param>
    /// <returns>False when the text is no JSON array or object.</returns>
    private static bool TryAppendJson(StringBuilder text, string? json, Mode? mode)
    {
        if (json is null || json.AsSpan().TrimStart() is not ['[' or '{', ..])
            return false;

        var length = text.Length;
        try
        {
            using var document = JsonDocument.Parse(json);
            AppendElement(text, document.RootElement, "", mode ?? (IsMultimodal(document.RootElement) ? Mode.Format : Mode.Written));
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Text that only begins like JSON, or a string with half of a surrogate pair.
            text.Length = length;
            return false;
        }
    }

    private static void AppendElement(StringBuilder text, JsonElement element, string member, Mode mode)
    {
        if (text.Length >= MaximumLength)
            return;

        switch (element.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    AppendElement(text, item, member, mode);
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                    AppendProperty(text, property, mode);
                break;
            case JsonValueKind.String when mode is Mode.Format && member == "text":
                AppendContent(text, element.GetString());
                break;
            case JsonValueKind.String:
                var value = element.GetString();
                if (mode is Mode.Written || !TryAppendJson(text, value, Mode.Values))
                    Append(text, value);
                break;
            case JsonValueKind.Number when mode is not Mode.Format:
                Append(text, element.GetRawText());
                break;
            case JsonValueKind.True or JsonValueKind.False when mode is Mode.Written:
                Append(text, element.GetRawText());
                break;
        }
    }

    private static void AppendProperty(StringBuilder text, JsonProperty property, Mode mode)
    {
        if (mode is Mode.Written)
            Append(text, property.Name);

        switch (property.Name)
        {
            case "type" or "data" or "media_type" or "mime_type" or "mimeType" or "detail" or "format" or "cache_control" or "signature"
                or "encrypted_content" or "thoughtSignature" when mode is Mode.Format:
                break;
            case "arguments" or "args" or "input" or "output" or "result" or "response" when mode is Mode.Format:
                AppendElement(text, property.Value, property.Name, Mode.Values);
                break;
            default:
                AppendElement(text, property.Value, property.Name, mode);
                break;
        }
    }

    private static void Append(StringBuilder text, string? value)
    {
        if (string.IsNullOrEmpty(value))
            return;

        if (text.Length > 0)
            text.Append('\n');
        var plain = EncodedData().Replace(value, " ");
        text.Append(plain, 0, Math.Min(plain.Length, MaximumLength));
    }

    private static bool IsMultimodal(JsonElement content) =>
        content.ValueKind is JsonValueKind.Array && content.GetArrayLength() > 0 && content.EnumerateArray().All(IsPart);

    private static bool IsPart(JsonElement part) => part.ValueKind switch
    {
        JsonValueKind.String => true,
        JsonValueKind.Object => (part.TryGetProperty("type", out var type) && type.ValueKind is JsonValueKind.String)
            // Parts of Google's API have no type.
            || part.TryGetProperty("text", out _) || part.TryGetProperty("inline_data", out _) || part.TryGetProperty("inlineData", out _),
        _ => false,
    };

    /// <summary>A data URL, or a run of base64 too long to be a word.</summary>
    [GeneratedRegex(
        """data:[\w.+/-]*(;[\w.+=-]+)*,[\w+/=%.~!$&'*-]*|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{200,}={0,2}""",
        RegexOptions.CultureInvariant)]
    private static partial Regex EncodedData();
}
