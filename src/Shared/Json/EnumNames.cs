using System.Collections.Concurrent;
using System.Text.Json;

namespace LlmRing.Shared.Json;

/// <summary>
/// The names of enum values in requests and answers: snake_case. A number or a list of names is no value, unlike for
/// <see cref="Enum.TryParse(Type, string, out object)"/>.
/// </summary>
internal static class EnumNames
{
    private static readonly ConcurrentDictionary<Type, Dictionary<string, object>> Known = new();

    /// <summary>The value of a name, in any letter case; null for any other text.</summary>
    public static object? Find(Type type, string? text) => text is null ? null : ValuesOf(type).GetValueOrDefault(text);

    /// <summary>The sentence that tells callers the accepted names.</summary>
    public static string Accepted(Type type) => $"Accepted are {string.Join(", ", ValuesOf(type).Keys)}.";

    private static Dictionary<string, object> ValuesOf(Type type) => Known.GetOrAdd(type, static type =>
        Enum.GetNames(type).ToDictionary(
            JsonNamingPolicy.SnakeCaseLower.ConvertName, name => Enum.Parse(type, name), StringComparer.OrdinalIgnoreCase));
}
