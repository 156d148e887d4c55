using System.IO.Enumeration;

namespace LlmRing.Modules.Otlp.Calls;

/// <summary>Whether the input count of a call contains its cached tokens, and how that was told.</summary>
/// <param name="IsInclusive">Whether it does.</param>
/// <param name="Evidence">The reason, a word for <c>metadata</c>.</param>
internal readonly record struct InputCounting(bool IsInclusive, string Evidence)
{
    /// <summary>
    /// Sources that send exclusive counts under the names of inclusive ones. Neither the names nor the provider tells: LangChain makes
    /// Anthropic's counts inclusive, and an instrumentation changes from one version to another.
    /// </summary>
    private static readonly ExclusiveSource[] Sources =
    [
        new("@traceloop/instrumentation-anthropic", "0.27.0", null),
        new("openlit*", null, "anthropic"),
        new("openlit*", null, "bedrock"),
        new("org.springframework.boot", null, "anthropic"),
        new("org.springframework.boot", null, "bedrock"),
        new("@arizeai/openinference-instrumentation-anthropic", "0.1.21", null),
        new("*openinference*bedrock*", null, null),
        new("openinference.instrumentation.claude_agent_sdk", null, null),
        new("opentelemetry.instrumentation.bedrock", null, null),
        new("opentelemetry.instrumentation.llamaindex", null, "anthropic"),
        new("ai", null, "anthropic"),
        new("ai", null, "bedrock"),
        new("strands*", null, "bedrock"),
        new("com.anthropic.claude_code*", null, null),
    ];

    /// <summary>Decides. <paramref name="cached"/> are cache reads and writes together.</summary>
    /// <param name="input">Input tokens as sent.</param>
    /// <param name="output">Output tokens.</param>
    /// <param name="cached">Tokens read from and written to the cache.</param>
    /// <param name="total">All tokens as sent; null where absent.</param>
    /// <param name="hasUncached">Whether the source sends the uncached part of the input besides.</param>
    /// <param name="scope">The instrumentation scope: name and version.</param>
    /// <param name="vendors">The provider and the vendor of the model.</param>
    /// <param name="furtherSources">Patterns of further scopes with exclusive counts.</param>
    public static InputCounting Decide(
        long input,
        long output,
        long cached,
        long? total,
        bool hasUncached,
        (string Name, string Version) scope,
        IReadOnlyCollection<string> vendors,
        IReadOnlyList<string> furtherSources) =>
        cached == 0 ? new(true, "no_cache")
        // An inclusive count cannot be smaller than its parts.
        : cached > input ? new(false, "cache_exceeds_input")
        : hasUncached ? new(true, "uncached_sent")
        // A total without cached tokens proves nothing: sources of exclusive counts send that as well.
        : total == input + output + cached ? new(false, "total")
        : Sources.Any(source => source.Matches(scope.Name, scope.Version, vendors)) ? new(false, "source")
        : furtherSources.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, scope.Name)) ? new(false, "setting")
        : new(true, "convention");

    /// <param name="Scope">The name of the scope; <c>*</c> stands for any characters.</param>
    /// <param name="UpToVersion">The last version with exclusive counts; null: all.</param>
    /// <param name="Vendor">A part of the provider's or vendor's name; null: all.</param>
    private sealed record ExclusiveSource(string Scope, string? UpToVersion, string? Vendor)
    {
        public bool Matches(string scope, string version, IReadOnlyCollection<string> vendors) =>
            FileSystemName.MatchesSimpleExpression(Scope, scope)
            && (UpToVersion is null || (Version.TryParse(version, out var sent) && sent <= Version.Parse(UpToVersion)))
            && (Vendor is null || vendors.Any(vendor => vendor.Contains(Vendor, StringComparison.Ordinal)));
    }
}
