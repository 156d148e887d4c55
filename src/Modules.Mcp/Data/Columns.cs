using System.Text.Json;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>JSON on its way to and from columns, which travel as text.</summary>
internal static class Columns
{
    public static JsonElement? ToElement(this string? json) => json is null ? null : JsonElement.Parse(json);

    public static string? ToColumn(this JsonElement? element) => element is { ValueKind: not JsonValueKind.Undefined } value ? value.GetRawText() : null;
}
