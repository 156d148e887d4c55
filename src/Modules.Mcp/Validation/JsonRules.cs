using System.Text;
using System.Text.Json;
using FluentValidation;

namespace LlmRing.Modules.Mcp.Validation;

/// <summary>Validation rules for free-form JSON.</summary>
internal static class JsonRules
{
    /// <summary>
    /// Levels of nesting; fewer than a body may have, because responses nest the stored JSON some levels deeper and are bounded, too.
    /// </summary>
    public const int MaxDepth = 56;

    private const int MaxSmallLength = 65_536;

    /// <summary>Any JSON of at most <see cref="MaxDepth"/> levels.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsShallow<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .Must(value => value is null || IsWithinDepth(value.Value))
        .WithMessage($"Must not be nested deeper than {MaxDepth} levels.");

    /// <summary>A JSON object of at most <see cref="MaxDepth"/> levels.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsObject<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .Must(value => value is null or { ValueKind: JsonValueKind.Object })
        .WithMessage("Must be an object.")
        .IsShallow();

    /// <summary>A JSON object of at most 65,536 characters.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsSmallObject<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .IsObject()
        .Must(value => value is null || value.Value.GetRawText().Length <= MaxSmallLength)
        .WithMessage($"Must not be longer than {MaxSmallLength} characters.");

    /// <summary>Whether a JSON value has at most <see cref="MaxDepth"/> levels.</summary>
    public static bool IsWithinDepth(JsonElement value)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(value.GetRawText()), new JsonReaderOptions { MaxDepth = 64 });
        while (reader.Read())
        {
            if (reader.CurrentDepth >= MaxDepth)
                return false;
        }

        return true;
    }
}
