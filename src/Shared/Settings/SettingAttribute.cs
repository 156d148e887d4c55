namespace LlmRing.Shared.Settings;

/// <summary>Binds a property of a settings record to the environment variable <c>LLMRING_{name}</c>.</summary>
/// <param name="name">The variable's name without its prefix, e.g. <c>CACHE_TTL</c>.</param>
/// <param name="accepted">The accepted values, in words; the end of the line that refuses a bad value.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class SettingAttribute(string name, string accepted) : Attribute
{
    /// <summary>The variable's name without its prefix.</summary>
    public string Name { get; } = name;

    /// <summary>The accepted values, in words.</summary>
    public string Accepted { get; } = accepted;

    /// <summary>Whether the value may contain a password: messages then do not repeat it.</summary>
    public bool Secret { get; init; }
}
