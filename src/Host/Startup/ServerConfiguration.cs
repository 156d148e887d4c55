using DotNetEnv;

namespace LlmRing.Host.Startup;

/// <summary>Reads the <c>LLMRING_*</c> variables.</summary>
internal static class ServerConfiguration
{
    private const string Prefix = "LLMRING_";

    /// <summary>
    /// The variables without their prefix: of the environment, and of a <c>.env</c> file in the working directory for those not set
    /// there.
    /// </summary>
    public static IConfigurationRoot Read() => new ConfigurationBuilder()
        .AddInMemoryCollection(ReadFile())
        .AddEnvironmentVariables(Prefix)
        .Build();

    private static IEnumerable<KeyValuePair<string, string?>> ReadFile() => Env.NoEnvVars().Load()
        .Where(variable => variable.Key.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
        .Select(variable => KeyValuePair.Create(variable.Key[Prefix.Length..], (string?)variable.Value));
}
