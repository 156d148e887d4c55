namespace LlmRing.Shared.Settings;

/// <summary>Binds a property of a settings record to the environment variable <c>LLMRING_{name}</c>.</summary>
/// <param name="name">The variable's name without its prefix, e.g. <c>CACHE_TTL</c>.</param>
/// <param name="accepted">What is accepted, in words; closes the line that refuses a bad value.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string accepted) : Attribute
{
    /// <summary>The variable's name without its prefix.</summary>
    public string Name { get; } = name;

    /// <summary>What is accepted, in words.</summary>
    public string Accepted { get; } = accepted;

    /// <summary>The value may hold a password: it is not repeated in messages.</summary>
    public bool Secret { get; init; }
}
