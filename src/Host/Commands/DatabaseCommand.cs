using System.CommandLine;
using Dapper;
using LlmRing.Host.Migrations;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server db create|migrate|status|drop-test</c>.</summary>
internal static class DatabaseCommand
{
    public static Command Create() => new("db", "Creates, migrates, inspects and drops databases.")
    {
        Verb("create", "Creates the database if it does not exist.", CreateAsync),
        Verb("migrate", "Applies pending migrations of the modules that are on.", MigrateAsync),
        Verb(
            "status",
            "Lists the migrations of the modules that are on, applied and pending, and what was taken over from another server.",
            StatusAsync),
        DropTest(),
    };

    private static Command Verb(string name, string description, Func<ServerDatabase, CancellationToken, Task> run)
    {
        var environment = CommonOptions.Environment();
        var command = new Command(name, description) { environment };
        command.SetAction((result, cancellationToken) => RunAsync(result.GetValue(environment), run, cancellationToken));
        return command;
    }

    private static Command DropTest()
    {
        var command = new Command("drop-test", "Drops the database of --env test; its name must end with _test.");
        command.SetAction((_, cancellationToken) => RunAsync(ServerEnvironment.Test, DropAsync, cancellationToken));
        return command;
    }

    private static async Task RunAsync(
        ServerEnvironment environment, Func<ServerDatabase, CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        await using var database = await ServerDatabase.LocateAsync(environment, ServerConfiguration.Read(), cancellationToken);
        try
        {
            await run(database, cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            throw database.ToOperatorError(exception);
        }
    }

    private static async Task CreateAsync(ServerDatabase database, CancellationToken cancellationToken)
    {
        var created = await database.CreateAsync(cancellationToken);
        Terminal.WriteLine(created ? $"Database {database.Name} created." : $"Database {database.Name} exists already.");
    }

    private static async Task MigrateAsync(ServerDatabase database, CancellationToken cancellationToken)
    {
        await using var services = database.CreateServices(database.DiscoverModules());
        await services.GetRequiredService<DatabaseMigrator>().MigrateAsync(cancellationToken);
        Terminal.WriteLine($"Database {database.Name} is up to date.");
    }

    private static async Task StatusAsync(ServerDatabase database, CancellationToken cancellationToken)
    {
        await using var services = database.CreateServices(database.DiscoverModules());
        var migrator = services.GetRequiredService<DatabaseMigrator>();
        foreach (var state in await migrator.GetStatusAsync(cancellationToken))
            Terminal.WriteLine(
                $"{state.Module,-16}{state.Script,-48}{(state.AppliedAt is { } at ? $"applied {at:yyyy-MM-dd HH:mm:ss}Z" : "pending")}");

        var (tables, reports) = await migrator.GetAdoptionAsync(cancellationToken);
        foreach (var table in tables)
            Terminal.WriteLine($"{table.Module,-16}{table.Table,-48}adopted {table.AdoptedAt:yyyy-MM-dd HH:mm:ss}Z with {table.Rows} rows");
        foreach (var (module, line) in reports)
            Terminal.WriteLine($"{module,-16}{line}");
    }

    private static async Task DropAsync(ServerDatabase database, CancellationToken cancellationToken)
    {
        if (!database.Name.EndsWith("_test", StringComparison.Ordinal))
            throw new OperatorErrorException($"db drop-test drops only databases whose name ends with _test, not '{database.Name}'");

        await using var connection = await database.OpenMaintenanceAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            $"drop database if exists {ServerDatabase.Quote(database.Name)} with (force)", cancellationToken: cancellationToken));
        Terminal.WriteLine($"Database {database.Name} dropped.");
    }
}
