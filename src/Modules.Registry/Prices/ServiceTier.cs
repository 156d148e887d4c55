namespace LlmRing.Modules.Registry.Prices;

/// <summary>Names of service tiers.</summary>
internal static class ServiceTier
{
    /// <summary>The tier of batch APIs.</summary>
    public const string Batch = "batch";

    /// <summary>A tier's name in lower case; null for the standard tier, which providers give several names.</summary>
    public static string? Normalize(string? tier) => tier?.Trim().ToLowerInvariant() switch
    {
        null or "" or "standard" or "default" or "auto" => null,
        var name => name,
    };
}
