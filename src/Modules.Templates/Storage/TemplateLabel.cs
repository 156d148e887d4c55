namespace LlmRing.Modules.Templates.Storage;

/// <summary>A name for a version of a template, such as <c>production</c>.</summary>
internal sealed record TemplateLabel
{
    /// <summary>The label that always names the newest version. It is not stored.</summary>
    public const string Latest = "latest";

    public required string Label { get; init; }

    /// <summary>The version that the label names.</summary>
    public required int Version { get; init; }

    /// <summary>When the label was moved last, UTC.</summary>
    public DateTimeOffset UpdatedAt { get; init; }
}
