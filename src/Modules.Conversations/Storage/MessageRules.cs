using System.Text.Json;
using FluentValidation;
using FluentValidation.Results;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>
/// The validation rules of <see cref="MessageInput"/>. One loop instead of a validator per message: a request may carry 10,000 of them.
/// </summary>
internal static class MessageRules
{
    /// <summary>The largest cost of one message, USD: the sum of many still fits a decimal.</summary>
    public const decimal MaximumCost = 1_000_000_000;

    private const int MaximumCount = 10_000;

    /// <summary>The roles that clients may send.</summary>
    public static IReadOnlyList<string> Roles { get; } =
        ["system", "user", "assistant", "tool", "developer", "function", MessageMetadata.GoogleAssistant];

    /// <summary>Checks the member <c>messages</c> of a request.</summary>
    public static void Check<T>(IReadOnlyList<MessageInput?>? messages, ValidationContext<T> context)
    {
        if (messages is null)
            Fail(context, "messages", "'messages' is required.", missing: true);
        else if (messages.Count > MaximumCount)
            Fail(context, "messages", $"At most {MaximumCount} messages are accepted at once.");
        else
        {
            for (var index = 0; index < messages.Count; index++)
                Check($"messages[{index}]", messages[index], context);
        }
    }

    /// <summary>Checks one message.</summary>
    /// <param name="path">The message's place in the body; empty when the message is the body.</param>
    /// <param name="message">The message.</param>
    /// <param name="context">Receives the failures.</param>
    public static void Check<T>(string path, MessageInput? message, ValidationContext<T> context)
    {
        if (message is null)
        {
            Fail(context, path, "A message must be an object.");
            return;
        }

        if (ResponsesItem.TypeOf(message) is { } type)
        {
            foreach (var name in ResponsesItem.RequiredTexts(type))
            {
                if (!ResponsesItem.HasText(message, name))
                    Fail(context, Member(name), $"'{name}' must be a text in an item of the type {type}.");
            }
        }
        else if (message.Role is null)
            Fail(context, Member("role"), "'role' is required.", missing: true);
        else if (!Roles.Contains(message.Role))
            Fail(context, Member("role"), $"'role' must be one of {string.Join(", ", Roles)}.");
        if (!IsNullOrObjectArray(message.ToolCalls))
            Fail(context, Member("tool_calls"), "'tool_calls' must be an array of objects.");
        if (!IsNullOrObjectArray(message.ToolResults))
            Fail(context, Member("tool_results"), "'tool_results' must be an array of objects.");
        if (message.Metadata is not (null or { ValueKind: JsonValueKind.Null or JsonValueKind.Object }))
            Fail(context, Member("metadata"), "'metadata' must be an object.");
        else if (!IsCostInRange(message.Metadata))
            Fail(context, Member("metadata.cost"), $"'cost' must be at most {MaximumCost} USD.");
        if (message.InputTokens < 0)
            Fail(context, Member("input_tokens"), "'input_tokens' must not be negative.");
        if (message.OutputTokens < 0)
            Fail(context, Member("output_tokens"), "'output_tokens' must not be negative.");

        string Member(string name) => path.Length == 0 ? name : $"{path}.{name}";
    }

    public static bool IsNullOrObjectArray(JsonElement? element) => element switch
    {
        null or { ValueKind: JsonValueKind.Null } => true,
        { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().All(item => item.ValueKind is JsonValueKind.Object),
        _ => false,
    };

    private static bool IsCostInRange(JsonElement? metadata) =>
        metadata is not { ValueKind: JsonValueKind.Object } value
        || !value.TryGetProperty("cost", out var cost)
        || cost.ValueKind is not JsonValueKind.Number
        || (cost.TryGetDecimal(out var amount) && Math.Abs(amount) <= MaximumCost);

    private static void Fail<T>(ValidationContext<T> context, string path, string message, bool missing = false) =>
        context.AddFailure(new ValidationFailure(path, message) { ErrorCode = missing ? "NotNullValidator" : "MessageRule" });
}
