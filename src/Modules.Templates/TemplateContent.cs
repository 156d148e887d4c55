using System.Text.Json;
using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Templates;

/// <summary>What callers may set when they make or change a template.</summary>
internal abstract record TemplateContent
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    public string? SystemPrompt { get; init; }

    public string? Model { get; init; }

    /// <summary>Another name of <see cref="Model"/>, which wins where both are given.</summary>
    public string? ModelAlias { get; init; }

    public decimal? Temperature { get; init; }

    public int? MaxTokens { get; init; }

    /// <summary>An object.</summary>
    public JsonElement? ToolConfig { get; init; }

    /// <summary>An array of messages: objects with a role (system, user, assistant, tool).</summary>
    public JsonElement? InitialMessages { get; init; }

    public string? CreatedBy { get; init; }
}

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
            .WithMessage($"'initial_messages' must be an array of at most {MaxInitialMessages} messages, each an object with a role of system, user, assistant, tool.");
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
