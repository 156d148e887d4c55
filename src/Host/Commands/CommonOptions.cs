using System.CommandLine;
using System.CommandLine.Parsing;
using LlmRing.Host.Startup;
using LlmRing.Shared.Json;

namespace LlmRing.Host.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<ServerEnvironment> Environment() => new("--env")
    {
        Description = "What the server is run for: dev (embedded PostgreSQL unless LLMRING_DATABASE_URL is set), test or prod.",
        DefaultValueFactory = _ => ServerEnvironment.Dev,
        // The default parser also accepts numbers and lists of names.
        CustomParser = ParseEnvironment,
    };

    private static ServerEnvironment ParseEnvironment(ArgumentResult argument)
    {
        if (EnumNames.Find(typeof(ServerEnvironment), argument.Tokens[0].Value) is ServerEnvironment environment)
            return environment;
        argument.AddError($"--env is '{argument.Tokens[0].Value}'. {EnumNames.Accepted(typeof(ServerEnvironment))}");
        return default;
    }
}
