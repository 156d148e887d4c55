using System.CommandLine;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Shared.Configuration;
using LlmRing.Shared.Data;
using LlmRing.Shared.Modules;
using Npgsql;

namespace LlmRing.Host.Commands;

/// <summary><c>llmring-server modules list</c>.</summary>
internal static class ModulesCommand
{
    public static Command Create()
    {
        var environment = CommonOptions.Environment();
        var list = new Command("list", "Lists all modules that are found: name, version, assembly, on or off, endpoints and migrations.") { environment };
        list.SetAction((result, cancellationToken) => ListAsync(result.GetValue(environment), cancellationToken));
        return new Command("modules", "Shows the modules of this server.") { list };
    }

    private static async Task ListAsync(ServerEnvironment environment, CancellationToken cancellationToken)
    {
        var configuration = ServerConfiguration.Read();
        var settings = configuration.ReadSettings<ModuleSettings>();
        var assemblies = ModuleAssemblies.Load(settings.Path);
        var on = ModuleCatalog.Discover(assemblies, settings.Modules).Modules.Select(module => module.Name).ToHashSet();
        var migrations = await ReadMigrationsAsync(environment, configuration, cancellationToken);

        Console.WriteLine($"{"NAME",-16}{"VERSION",-10}{"STATE",-7}{"ENDPOINTS",-11}{"MIGRATIONS",-24}ASSEMBLY");
        foreach (var module in ModuleCatalog.Discover(assemblies, ["all"]).Modules)
        {
            var assembly = module.Assembly.GetName();
            var endpoints = module.Assembly.GetTypes().Count(type => !type.IsAbstract && type.IsAssignableTo(typeof(BaseEndpoint)));
            Console.WriteLine($"{module.Name,-16}{assembly.Version!.ToString(3),-10}{(on.Contains(module.Name) ? "on" : "off"),-7}{endpoints,-11}{Migrations(module),-24}{assembly.Name}");
        }

        string Migrations(IModule module)
        {
            var own = migrations.Where(state => state.Module == module.Name).ToList();
            return on.Contains(module.Name) ? $"{own.Count(state => state.AppliedAt is not null)} applied, {own.Count(state => state.AppliedAt is null)} pending" : "";
        }
    }

    private static async Task<IReadOnlyList<MigrationState>> ReadMigrationsAsync(ServerEnvironment environment, IConfiguration configuration, CancellationToken cancellationToken)
    {
        await using var database = await ServerDatabase.LocateAsync(environment, configuration, cancellationToken);
        await using var services = database.CreateServices();
        try
        {
            return await services.GetRequiredService<DatabaseMigrator>().GetStatusAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            throw database.Refusal(exception);
        }
    }
}
