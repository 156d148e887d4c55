using System.CommandLine;
using LlmRing.Host.Startup;

namespace LlmRing.Host.Commands;

/// <summary>Options that several commands have.</summary>
internal static class CommonOptions
{
    public static Option<ServerEnvironment> Environment() => new("--env")
    {
        Description = "What the server is run for: dev (embedded PostgreSQL unless LLMRING_DATABASE_URL is set), test or prod.",
        DefaultValueFactory = _ => ServerEnvironment.Dev,
    };
}
