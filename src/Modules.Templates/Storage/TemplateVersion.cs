using LlmRing.Shared.Json;

namespace LlmRing.Modules.Templates.Storage;

/// <summary>What a template held from one change to the next.</summary>
internal sealed record TemplateVersion
{
    /// <summary>1 for the first, without gaps.</summary>
    public required int Version { get; init; }

    /// <summary>The labels that name this version.</summary>
    public string[] Labels { get; init; } = [];

    /// <summary>The <c>created_by</c> of the template after the change.</summary>
    public required string CreatedBy { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public required string Name { get; init; }
    public string? SystemPrompt { get; init; }
    public required string Model { get; init; }
    public required decimal Temperature { get; init; }
    public int? MaxTokens { get; init; }
    public RawJson ToolConfig { get; init; } = RawJson.EmptyObject;
    public RawJson InitialMessages { get; init; } = RawJson.EmptyArray;
}
