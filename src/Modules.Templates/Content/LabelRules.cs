using FluentValidation;
using LlmRing.Modules.Templates.Storage;

namespace LlmRing.Modules.Templates.Content;

/// <summary>The rules for labels of versions.</summary>
internal static class LabelRules
{
    /// <summary>At most 64 characters of a to z, 0 to 9 and the hyphen.</summary>
    public static IRuleBuilderOptions<T, string?> IsLabel<T>(this IRuleBuilder<T, string?> rule) => rule
        .Matches("^[a-z0-9-]{1,64}\\z")
        .WithMessage("A label has 1 to 64 characters: a to z, 0 to 9 and hyphens.");

    /// <summary>A label that callers may move and delete.</summary>
    public static IRuleBuilderOptions<T, string?> IsMovableLabel<T>(this IRuleBuilder<T, string?> rule) => rule
        .IsLabel()
        .NotEqual(TemplateLabel.Latest)
        .WithMessage($"'{TemplateLabel.Latest}' always names the newest version.");
}
