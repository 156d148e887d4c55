using System.Text.Json;

namespace LlmRing.Modules.Templates.Content;

/// <summary>The members that callers may set when they create or change a template.</summary>
internal abstract record TemplateContent
{
    /// <summary>Model of a template that is created without one.</summary>
    public const string DefaultModel = "claude-3-sonnet-20240229";

    /// <summary>Temperature of a template that is created without one.</summary>
    public const decimal DefaultTemperature = 0.7m;

    /// <summary>Creator of a template that is created without one.</summary>
    public const string DefaultCreator = "api";

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
