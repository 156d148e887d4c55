using System.Text;
using System.Text.Json;
using FluentValidation;

namespace LlmRing.Modules.Mcp;

/// <summary>Rules for free-form JSON.</summary>
internal static class JsonRules
{
    /// <summary>
    /// Below the depth at which bodies are refused: answers put what was sent some levels deeper, and must still be written.
    /// </summary>
    public const int MaxDepth = 56;

    private const int SmallLength = 65_536;

    /// <summary>Any JSON that an answer can hold.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsShallow<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .Must(value => value is null || IsWithinDepth(value.Value)).WithMessage($"Must not be nested deeper than {MaxDepth} levels.");

    /// <summary>A JSON object.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsObject<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .Must(value => value is null or { ValueKind: JsonValueKind.Object }).WithMessage("Must be an object.")
        .IsShallow();

    /// <summary>A JSON object of at most 64 Ki characters.</summary>
    public static IRuleBuilderOptions<T, JsonElement?> IsSmallObject<T>(this IRuleBuilder<T, JsonElement?> rule) => rule
        .IsObject()
        .Must(value => value is null || value.Value.GetRawText().Length <= SmallLength).WithMessage($"Must not be longer than {SmallLength} characters.");

    private static bool IsWithinDepth(JsonElement value)
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
