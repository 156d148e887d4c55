using System.CommandLine;
using LlmRing.Host.Retention;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server retention run [--dry-run]</c>.</summary>
internal static class RetentionCommand
{
    public static Command Create()
    {
        var environment = CommonOptions.Environment();
        var dryRun = new Option<bool>("--dry-run") { Description = "Only says what would be deleted." };
        var run = new Command(
            "run",
            "Deletes messages older than LLMRING_MESSAGE_RETENTION_DAYS, and usages older than LLMRING_USAGE_RETENTION_DAYS where set, "
            + "of all keys.")
        {
            dryRun,
            environment,
        };
        run.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), result.GetValue(dryRun), cancellationToken));
        return new Command("retention", "Deletes what is too old.") { run };
    }

    private static async Task RunAsync(ServerEnvironment environment, bool dryRun, CancellationToken cancellationToken)
    {
        await using var database = await ServerDatabase.LocateAsync(environment, ServerConfiguration.Read(), cancellationToken);
        await using var services = await database.CreateRetentionServicesAsync();
        try
        {
            var failures = await services.GetRequiredService<RetentionRunner>().TryRunAsync(
                dailyOnly: false, dryRun, Terminal.WriteLine, cancellationToken)
                ?? throw new OperatorErrorException("Retention is running on another host");
            if (
                failures.FirstOrDefault(
                    failure => failure.Exception is PostgresException { SqlState: PostgresErrorCodes.UndefinedTable }) is { } missing)
                throw new OperatorErrorException(
                    "The database lacks tables of this server; make them with: llmring-server db migrate", missing.Exception);
            if (failures.Count > 0)
                throw new OperatorErrorException(
                    string.Join(
                        "; ", failures.Select(failure => $"{failure.Policy} failed: {failure.Exception.Message.ReplaceLineEndings(" ")}")));
        }
        catch (NpgsqlException exception)
        {
            throw database.ToOperatorError(exception);
        }
    }
}
