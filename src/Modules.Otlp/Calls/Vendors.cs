namespace LlmRing.Modules.Otlp.Calls;

/// <summary>The names of providers.</summary>
internal static class Vendors
{
    public const string Unknown = "unknown";

    private const string Google = "google";

    // Frameworks that stand where the provider belongs.
    private static readonly string[] Frameworks = ["langchain", "chat", "spring_ai", "llamaindex", "llama_index"];

    /// <summary>The provider of a call, as its source names it.</summary>
    /// <param name="sent">The provider as sent; null where absent.</param>
    /// <param name="model">The model; null where absent.</param>
    public static string ProviderOf(string? sent, string? model)
    {
        var name = sent?.Trim().ToLowerInvariant() ?? "";
        var vendor = VendorOf(model);
        if (name.Length == 0 || Frameworks.Any(framework => name.StartsWith(framework, StringComparison.Ordinal)))
            return vendor ?? (name.Length == 0 ? Unknown : name);
        var isGoogle = name.StartsWith("gcp.", StringComparison.Ordinal) || name.StartsWith("google", StringComparison.Ordinal)
            || name is "gemini" or "vertex_ai" or "vertexai";
        // Google is a host as well: a model of another vendor keeps its name, by which the price lists tell that.
        if (isGoogle && vendor is (null or Google))
            return Google;
        // The AI SDK adds the kind of its client: anthropic.messages, azure-openai.chat.
        return IsDotted(name) || name.IndexOf('.', StringComparison.Ordinal) is not (> 0 and var dot) ? name : name[..dot];
    }

    /// <summary>The vendor of a model by the begin of its name; null where unknown.</summary>
    public static string? VendorOf(string? model)
    {
        if (model is null)
            return null;
        var name = model[(model.LastIndexOf('/') + 1)..].ToLowerInvariant();
        return name.Contains("claude", StringComparison.Ordinal) ? "anthropic"
            : name.StartsWith("gemini", StringComparison.Ordinal) ? Google
            : name.StartsWith("gpt", StringComparison.Ordinal) || name.StartsWith("text-embedding", StringComparison.Ordinal)
                || name is ['o', >= '0' and <= '9', ..] ? "openai"
            : null;
    }

    private static bool IsDotted(string name) => name.StartsWith("aws.", StringComparison.Ordinal)
        || name.StartsWith("gcp.", StringComparison.Ordinal) || name.StartsWith("azure.ai.", StringComparison.Ordinal)
        || name.StartsWith("az.ai.", StringComparison.Ordinal) || name.StartsWith("ibm.", StringComparison.Ordinal);
}
