using LlmRing.Shared.Json;

namespace LlmRing.Modules.Templates;

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

    /// <summary>Messages to begin with, kept as sent.</summary>
    public RawJson InitialMessages { get; init; } = RawJson.EmptyArray;

    /// <summary>Null, like the project, for a global template.</summary>
    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    public required string CreatedBy { get; init; }

    public bool IsActive { get; init; }

    public long UsageCount { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }
}
