namespace LlmRing.Modules.Templates.Storage;

/// <summary>How much one template is used.</summary>
internal sealed record TemplateUsage
{
    public required Guid TemplateId { get; init; }
    public required string TemplateName { get; init; }
    public long UsageCount { get; init; }
    public DateTimeOffset? LastUsedAt { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
}
