using System.CommandLine;
using System.CommandLine.Parsing;
using LlmRing.Host.Startup;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server serve</c>.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var environment = CommonOptions.Environment();
        var host = new Option<string>("--host") { Description = "Address to listen on.", DefaultValueFactory = _ => "0.0.0.0" };
        var port = new Option<int>("--port") { Description = "Port to listen on; 0 takes a free one.", DefaultValueFactory = _ => 8000 };
        port.Validators.Add(RequirePort);
        var reload =
            new Option<bool>("--reload")
            {
                Description = "Accepted for compatibility and without effect; to restart on changes of the code: "
                    + "dotnet watch --project src/Host run -- serve.",
            };

        var command = new Command("serve", "Migrates the database and serves the API.") { environment, host, port, reload };
        command.SetAction(async (result, cancellationToken) =>
        {
            await using var server = await LlmRingServer.StartAsync(
                new ServerArguments(result.GetValue(environment), result.GetRequiredValue(host), result.GetValue(port)),
                ServerConfiguration.Read(),
                cancellationToken);
            await server.WaitForShutdownAsync(cancellationToken);
        });
        return command;
    }

    private static void RequirePort(OptionResult result)
    {
        if (result.GetValueOrDefault<int>() is < 0 or > 65535)
            result.AddError("--port takes a whole number from 0 to 65535.");
    }
}
