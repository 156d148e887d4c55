namespace LlmRing.Shared.Pricing;

/// <summary>A model of a provider, under the name by which usages of it are grouped.</summary>
/// <param name="Provider">The model's vendor, e.g. <c>openai</c> for a model that was called through Azure.</param>
/// <param name="Model">The model's name at its vendor. A dated snapshot is a model of its own.</param>
public readonly record struct ModelName(string Provider, string Model)
{
    /// <summary><c>provider:model</c>, as the registry writes keys.</summary>
    public override string ToString() => $"{Provider}:{Model}";
}
