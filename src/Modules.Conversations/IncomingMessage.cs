using System.Text.Json;
using System.Text.Json.Serialization;
using FluentValidation;
using FluentValidation.Results;

namespace LlmRing.Modules.Conversations;

/// <summary>A message as clients send it.</summary>
internal record IncomingMessage
{
    /// <summary>system, user, assistant or tool.</summary>
    public string? Role { get; init; }

    /// <summary>Text, null, or a multimodal array (kept as its JSON text).</summary>
    [JsonConverter(typeof(MessageContentConverter))]
    public string? Content { get; init; }

    public JsonElement? ToolCalls { get; init; }

    public JsonElement? ToolResults { get; init; }

    /// <summary>An object; a number in its member <c>cost</c> (USD) counts into the conversation's total.</summary>
    public JsonElement? Metadata { get; init; }

    public int? InputTokens { get; init; }

    public int? OutputTokens { get; init; }

    /// <summary>What the message cost, where its metadata says so with a number.</summary>
    public decimal CostOf() =>
        Metadata is { ValueKind: JsonValueKind.Object } metadata
        && metadata.TryGetProperty("cost", out var cost)
        && cost.ValueKind is JsonValueKind.Number
        && cost.TryGetDecimal(out var value)
            // Finer than any price; keeps sums within what a decimal can hold.
            ? decimal.Round(value, 12)
            : 0;
}

/// <summary>Takes text as it is and an array as its JSON text.</summary>
internal sealed class MessageContentConverter : JsonConverter<string>
{
    // By the converters of the API's conventions, which refuse what cannot be stored; a nested call of the serializer
    // would lose the place of the fault.
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.StartArray => ((JsonConverter<JsonElement>)options.GetConverter(typeof(JsonElement))).Read(ref reader, typeof(JsonElement), options).GetRawText(),
        _ => ((JsonConverter<string>)options.GetConverter(typeof(string))).Read(ref reader, typeof(string), options),
    };

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}

/// <summary>The rules for messages. Written by hand: a request may carry thousands.</summary>
internal static class MessageRules
{
    /// <summary>Messages of one request.</summary>
    private const int MaximumCount = 10_000;

    /// <summary>USD for one message; the sum of many still fits a decimal.</summary>
    public const decimal MaximumCost = 1_000_000_000;

    public static IReadOnlyList<string> Roles { get; } = ["system", "user", "assistant", "tool"];

    /// <summary>Checks the member <c>messages</c> of a request.</summary>
    public static void Check<T>(IReadOnlyList<IncomingMessage?>? messages, ValidationContext<T> context)
    {
        if (messages is null)
            Refuse(context, "messages", "'messages' is required.", missing: true);
        else if (messages.Count > MaximumCount)
            Refuse(context, "messages", $"At most {MaximumCount} messages are accepted at once.");
        else
        {
            for (var index = 0; index < messages.Count; index++)
                Check($"messages[{index}]", messages[index], context);
        }
    }

    /// <summary>Checks one message.</summary>
    /// <param name="path">Where it is in the body; empty: it is the body.</param>
    /// <param name="message">The message.</param>
    /// <param name="context">Takes the faults.</param>
    public static void Check<T>(string path, IncomingMessage? message, ValidationContext<T> context)
    {
        if (message is null)
        {
            Refuse(context, path, "A message must be an object.");
            return;
        }

        if (message.Role is null)
            Refuse(context, Member("role"), "'role' is required.", missing: true);
        else if (!Roles.Contains(message.Role))
            Refuse(context, Member("role"), $"'role' must be one of {string.Join(", ", Roles)}.");
        if (!IsAbsentOrObjects(message.ToolCalls))
            Refuse(context, Member("tool_calls"), "'tool_calls' must be an array of objects.");
        if (!IsAbsentOrObjects(message.ToolResults))
            Refuse(context, Member("tool_results"), "'tool_results' must be an array of objects.");
        if (message.Metadata is not (null or { ValueKind: JsonValueKind.Null or JsonValueKind.Object }))
            Refuse(context, Member("metadata"), "'metadata' must be an object.");
        else if (!HasReasonableCost(message.Metadata))
            Refuse(context, Member("metadata.cost"), $"'cost' must be at most {MaximumCost} USD.");
        if (message.InputTokens < 0)
            Refuse(context, Member("input_tokens"), "'input_tokens' must not be negative.");
        if (message.OutputTokens < 0)
            Refuse(context, Member("output_tokens"), "'output_tokens' must not be negative.");

        string Member(string name) => path.Length == 0 ? name : $"{path}.{name}";
    }

    public static bool IsAbsentOrObjects(JsonElement? element) => element switch
    {
        null or { ValueKind: JsonValueKind.Null } => true,
        { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().All(item => item.ValueKind is JsonValueKind.Object),
        _ => false,
    };

    private static bool HasReasonableCost(JsonElement? metadata) =>
        metadata is not { ValueKind: JsonValueKind.Object } value
        || !value.TryGetProperty("cost", out var cost)
        || cost.ValueKind is not JsonValueKind.Number
        || (cost.TryGetDecimal(out var amount) && Math.Abs(amount) <= MaximumCost);

    private static void Refuse<T>(ValidationContext<T> context, string path, string message, bool missing = false) =>
        context.AddFailure(new ValidationFailure(path, message) { ErrorCode = missing ? "NotNullValidator" : "MessageRule" });
}
