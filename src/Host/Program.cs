using System.CommandLine;
using LlmRing.Host.Commands;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;

var root = new RootCommand("LLMRing Server: usage, statistics, conversations, templates, MCP and the model registry for LLM applications.")
{
    ServeCommand.Create(),
    DatabaseCommand.Create(),
    KeysCommand.Create(),
    RetentionCommand.Create(),
    ModulesCommand.Create(),
    HealthCommand.Create(),
};

try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // A server has its own limits for stopping; the usual two seconds would cut it off.
        ProcessTerminationTimeout = TimeSpan.FromMinutes(10),
    });
}
catch (OperatorErrorException refusal)
{
    Terminal.WriteErrorLine($"llmring-server: {refusal.Message}");
    return 1;
}
catch (OperationCanceledException)
{
    return 130;
}
