using System.Text.Json;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>
/// The items of OpenAI's Responses API that have no role: a function call and its output. They are stored as the messages of the
/// Chat Completions API with the same meaning; <c>type</c> and the other members of the item stay in <c>metadata.extra</c>.
/// </summary>
internal static class ResponsesItem
{
    private const string Call = "function_call";
    private const string Output = "function_call_output";

    /// <summary>The type of an item without a role; null for a message, and for an item of another type.</summary>
    public static string? TypeOf(MessageInput message) =>
        message.Role is null && TextOf(message, "type") is Call or Output ? TextOf(message, "type") : null;

    /// <summary>The members that must be texts in an item of a type.</summary>
    public static string[] RequiredTexts(string type) => type is Call ? ["call_id", "name", "arguments"] : ["call_id"];

    /// <summary>Whether a member of an item is a text.</summary>
    public static bool HasText(MessageInput item, string name) => (name is "name" ? item.Name : TextOf(item, name)) is not null;

    /// <summary>The message that stands for an item without a role; any other message as it is.</summary>
    public static MessageInput ToMessage(MessageInput message) => TypeOf(message) switch
    {
        Call => message with
        {
            Role = "assistant",
            Name = null,
            ToolCalls = JsonSerializer.SerializeToElement<object[]>(
            [
                new
                {
                    id = TextOf(message, "call_id"),
                    type = "function",
                    function = new { name = message.Name, arguments = TextOf(message, "arguments") },
                },
            ]),
            Extra = Without(message.Extra!, "call_id", "arguments"),
        },
        Output => message with
        {
            Role = "tool",
            ToolCallId = TextOf(message, "call_id"),
            Content = ContentOf(message.Extra!.GetValueOrDefault("output")),
            Extra = Without(message.Extra!, "call_id", "output"),
        },
        _ => message,
    };

    private static string? ContentOf(JsonElement output) => output.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.String => output.GetString(),
        _ => output.GetRawText(),
    };

    private static string? TextOf(MessageInput message, string member) =>
        message.Extra?.GetValueOrDefault(member) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static Dictionary<string, JsonElement> Without(Dictionary<string, JsonElement> members, params string[] names) =>
        members.Where(member => !names.Contains(member.Key)).ToDictionary();
}
