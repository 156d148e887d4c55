using LlmRing.Shared.Settings;

namespace LlmRing.Host.Pipeline;

/// <summary>Cross-origin requests of browsers.</summary>
internal sealed record CorsSettings
{
    /// <summary>Origins allowed to call the API from a browser.</summary>
    [Setting("CORS_ORIGINS", "origins separated by commas, or a JSON array of them")]
    public IReadOnlyList<string> Origins { get; init; } = ["http://localhost:5173", "http://localhost:5174"];
}
