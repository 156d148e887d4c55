using FastEndpoints;
using Microsoft.Extensions.Primitives;

namespace LlmRing.Host.Pipeline;

/// <summary>
/// Reads booleans of queries as clients write them: <c>true</c>, <c>True</c> and <c>1</c>; <c>false</c>, <c>False</c> and <c>0</c>.
/// </summary>
internal static class BooleanParser
{
    public static ParseResult Parse(StringValues text) => text.ToString().ToUpperInvariant() switch
    {
        "TRUE" or "1" => new ParseResult(true, true),
        "FALSE" or "0" => new ParseResult(true, false),
        _ => new ParseResult(false, null),
    };
}
