using System.Text.Json.Nodes;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>The texts of a template that may hold markup: the system prompt, and the contents of the initial messages.</summary>
internal static class TemplateTexts
{
    /// <summary>The messages that a template begins a conversation with, the system prompt first; all texts are mapped.</summary>
    /// <param name="systemPrompt">The system prompt, if there is one.</param>
    /// <param name="initialMessages">A JSON array of messages; members that are no text of the content stay as they are.</param>
    /// <param name="map">Takes where the text stands, for people, and the text.</param>
    public static JsonArray Map(string? systemPrompt, string initialMessages, Func<string, string, string> map)
    {
        var messages = JsonNode.Parse(initialMessages) as JsonArray ?? [];
        var first = systemPrompt is null ? null : new JsonObject { ["role"] = "system", ["content"] = map("system_prompt", systemPrompt) };
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i] is JsonObject message)
                MapContent(message, $"initial_messages[{i}]", map);
        }

        if (first is not null)
            messages.Insert(0, first);
        return messages;
    }

    private static void MapContent(JsonObject message, string place, Func<string, string, string> map)
    {
        if (IsText(message["content"], out var content))
            message["content"] = map(place, content);
        foreach (var part in (message["content"] as JsonArray ?? []).OfType<JsonObject>())
        {
            if (IsText(part["text"], out var text))
                part["text"] = map(place, text);
        }
    }

    private static bool IsText(JsonNode? node, out string text)
    {
        text = "";
        return node is JsonValue value && value.TryGetValue(out text!);
    }
}
