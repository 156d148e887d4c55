using System.Text.Json;
using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Templates.Content;

/// <summary>The rules that creating and changing a template share.</summary>
internal abstract class TemplateContentValidator<TRequest> : Validator<TRequest>
    where TRequest : TemplateContent
{
    private const int MaxInitialMessages = 1000;

    protected TemplateContentValidator()
    {
        RuleFor(request => request.Name).Length(1, 255);
        RuleFor(request => request.Model).Length(1, 255);
        RuleFor(request => request.ModelAlias).Length(1, 255);
        RuleFor(request => request.Temperature).InclusiveBetween(0, 2);
        RuleFor(request => request.MaxTokens).GreaterThan(0);
        RuleFor(request => request.ToolConfig)
            .Must(config => config is null or { ValueKind: JsonValueKind.Null or JsonValueKind.Object })
            .WithMessage("'tool_config' must be an object.");
        RuleFor(request => request.InitialMessages)
            .Must(messages => messages is null or { ValueKind: JsonValueKind.Null } || IsMessages(messages.Value))
            .WithMessage(
                $"'initial_messages' must be an array of at most {MaxInitialMessages} messages, "
                + "each an object with a role of system, user, assistant, tool.");
        RuleFor(request => request.CreatedBy).MaximumLength(255);
    }

    private static bool IsMessages(JsonElement messages) =>
        messages.ValueKind is JsonValueKind.Array
        && messages.GetArrayLength() <= MaxInitialMessages
        && messages.EnumerateArray().All(message =>
            message.ValueKind is JsonValueKind.Object
            && message.TryGetProperty("role", out var role)
            && role.ValueKind is JsonValueKind.String
            && role.GetString() is "system" or "user" or "assistant" or "tool");
}
