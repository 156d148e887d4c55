namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Values of <c>service_tier</c>. The standard tier, which has several names, is stored as null.</summary>
internal static class ServiceTiers
{
    /// <summary>The message of a text that is no tier.</summary>
    public const string Accepted = "Accepted are standard (also default, auto), batch, flex and priority.";

    private const int MaxLength = 32;

    /// <summary>Whether clients may send a text.</summary>
    public static bool IsAccepted(string? text) => text is null || IsStandard(text) || text is "batch" or "flex" or "priority";

    /// <summary>
    /// The tier as it is stored. A usage object may name a tier that this server does not know: that is kept, because its rates are
    /// not the standard ones, and the cost is marked as estimated.
    /// </summary>
    public static string? Normalize(string? text) =>
        string.IsNullOrEmpty(text) || IsStandard(text) || text.Length > MaxLength ? null : text;

    private static bool IsStandard(string text) => text is "standard" or "default" or "auto";
}
