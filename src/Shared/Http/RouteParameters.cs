using System.Text.RegularExpressions;

namespace LlmRing.Shared.Http;

/// <summary>The parameters that a route's text names.</summary>
public static partial class RouteParameters
{
    /// <summary><c>/a/{id}/b/{n:int}</c> gives <c>id</c> and <c>n</c>.</summary>
    public static IEnumerable<string> Of(string route) => Parameter().Matches(route).Select(match => match.Groups["name"].Value);

    [GeneratedRegex(@"\{\*{0,2}(?<name>\w+)[^}]*\}")]
    private static partial Regex Parameter();
}
