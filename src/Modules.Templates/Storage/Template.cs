using LlmRing.Modules.Templates.Rendering;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Templates.Storage;

/// <summary>A template as the API shows it.</summary>
internal sealed record Template
{
    public required Guid Id { get; init; }
    public required string Name { get; init; }
    public string? Description { get; init; }
    public string? SystemPrompt { get; init; }
    public required string Model { get; init; }
    public required decimal Temperature { get; init; }
    public int? MaxTokens { get; init; }

    /// <summary>An object, kept as sent.</summary>
    public RawJson ToolConfig { get; init; } = RawJson.EmptyObject;

    /// <summary>Messages to begin a conversation with, kept as sent.</summary>
    public RawJson InitialMessages { get; init; } = RawJson.EmptyArray;

    /// <summary>The number of the version whose content this is; the first is 1.</summary>
    public int Version { get; init; }

    /// <summary>The variables of the system prompt and the initial messages; none where a text is not valid Liquid.</summary>
    public IReadOnlyList<string> Variables => TemplateVariables.Of(SystemPrompt, InitialMessages.Text);

    /// <summary>The key of the owner; null, like the project, for a global template.</summary>
    public string? ApiKeyId { get; init; }

    /// <summary>The project of the owner, if the owner is a project.</summary>
    public Guid? ProjectId { get; init; }

    public required string CreatedBy { get; init; }
    public bool IsActive { get; init; }

    /// <summary>How often the template was used.</summary>
    public long UsageCount { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the template was last changed, UTC; a use is not a change.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }
}
