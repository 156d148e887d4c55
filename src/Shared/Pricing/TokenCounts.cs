namespace LlmRing.Shared.Pricing;

/// <summary>
/// The tokens of a call, counted inclusively: the input contains cache reads and cache writes, the output contains reasoning.
/// </summary>
/// <remarks>
/// Providers count differently. The input counts of OpenAI and Google contain cached tokens, those of Anthropic and Bedrock do
/// not; OpenAI's output contains reasoning, Google's thoughts are counted beside its candidates. <see cref="Include"/> turns the
/// counts of either kind into inclusive ones and never reduces a count.
/// </remarks>
/// <param name="Input">All input tokens.</param>
/// <param name="Output">All output tokens.</param>
/// <param name="CacheRead">Input tokens that the provider read from its cache.</param>
/// <param name="CacheWrite5Minutes">Input tokens that were written to the cache for 5 minutes.</param>
/// <param name="CacheWrite1Hour">Input tokens that were written to the cache for an hour.</param>
/// <param name="Reasoning">Output tokens of the model's reasoning.</param>
public readonly record struct TokenCounts(int Input, int Output, int CacheRead, int CacheWrite5Minutes, int CacheWrite1Hour, int Reasoning)
{
    /// <summary>The origin of usages that the decorators of the SDK log; they pass Anthropic's exclusive counts on.</summary>
    private const string DecoratorOrigin = "llmring-decorator";

    /// <summary>Whether parts were added to a whole, because the reported counts were exclusive.</summary>
    public bool PartsAdded { get; init; }

    /// <summary>Turns reported counts into inclusive ones.</summary>
    /// <param name="reported">
    /// The counts as they were reported. The cache parts are added to the input where <paramref name="inputIncludesCache"/> is
    /// false, where they exceed it (an inclusive count cannot be smaller than its parts), or where the SDK's decorator reported a
    /// call of Anthropic. Reasoning that exceeds the output is added to it.
    /// </param>
    /// <param name="inputIncludesCache">Whether the input contains the cache parts; null: not told.</param>
    /// <param name="provider">The provider of the call.</param>
    /// <param name="origin">The origin of the usage, if it was named.</param>
    /// <returns>Null where a sum does not fit into 32 bits.</returns>
    public static TokenCounts? Include(TokenCounts reported, bool? inputIncludesCache, string provider, string? origin)
    {
        var cacheParts = (long)reported.CacheRead + reported.CacheWrite5Minutes + reported.CacheWrite1Hour;
        var isExclusive = cacheParts > reported.Input
            || !(inputIncludesCache ?? !(origin is DecoratorOrigin && provider.Equals("anthropic", StringComparison.OrdinalIgnoreCase)));
        var input = isExclusive ? reported.Input + cacheParts : reported.Input;
        var output = reported.Reasoning > reported.Output ? (long)reported.Output + reported.Reasoning : reported.Output;
        if (input > int.MaxValue || output > int.MaxValue)
            return null;

        return reported with
        {
            Input = (int)input,
            Output = (int)output,
            PartsAdded = reported.PartsAdded || input != reported.Input || output != reported.Output,
        };
    }
}
