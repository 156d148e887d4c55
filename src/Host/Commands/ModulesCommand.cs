using System.CommandLine;
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
        var list = new Command("list", "Lists all modules that are found: name, version, on or off, migrations, assembly and routes.") { environment };
        list.SetAction((result, cancellationToken) => ListAsync(result.GetValue(environment), cancellationToken));
        return new Command("modules", "Shows the modules of this server.") { list };
    }

    private static async Task ListAsync(ServerEnvironment environment, CancellationToken cancellationToken)
    {
        var configuration = ServerConfiguration.Read();
        var settings = configuration.ReadSettings<ModuleSettings>();
        var assemblies = ModuleAssemblies.Load(settings.Path);
        var on = ModuleCatalog.Discover(assemblies, settings.Modules).Modules.Select(module => module.Name).ToHashSet();
        var all = ModuleCatalog.Discover(assemblies, ["all"]);

        await using var database = await ServerDatabase.LocateAsync(environment, configuration, cancellationToken);
        var migrations = await ReadMigrationsAsync(database, cancellationToken);
        var (working, routes) = await ReadRoutesAsync(environment, configuration, database, all);

        Console.WriteLine($"{"NAME",-16}{"VERSION",-10}{"STATE",-8}{"MIGRATIONS",-24}ASSEMBLY");
        foreach (var module in all.Modules)
        {
            var own = migrations.Where(state => state.Module == module.Name).ToList();
            var applied = own.Count(state => state.AppliedAt is not null);
            Write(
                module.Name,
                module.Assembly,
                !working.Modules.Contains(module) ? "failed" : on.Contains(module.Name) ? "on" : "off",
                on.Contains(module.Name) ? $"{applied} applied, {own.Count - applied} pending" : "");
            foreach (var route in routes[module])
                Console.WriteLine($"  {route}");
        }

        foreach (var module in all.LeftOut)
            Write(module.Name, module.Assembly, "failed", "");
        foreach (var module in working.LeftOut)
            Console.WriteLine($"Module {module.Name} in {module.Assembly.Place()} failed: {module.Failure.Message.ReplaceLineEndings(" ")}");
    }

    private static void Write(string name, System.Reflection.Assembly assembly, string state, string migrations) =>
        Console.WriteLine($"{name,-16}{assembly.GetName().Version!.ToString(3),-10}{state,-8}{migrations,-24}{assembly.GetName().Name}");

    private static async Task<IReadOnlyList<MigrationState>> ReadMigrationsAsync(ServerDatabase database, CancellationToken cancellationToken)
    {
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

    /// <summary>Puts a server together, with the modules that are off as well, and looks at its routes without starting it.</summary>
    private static async Task<(ModuleCatalog Working, ILookup<IModule?, string> Routes)> ReadRoutesAsync(
        ServerEnvironment environment, IConfiguration configuration, ServerDatabase database, ModuleCatalog catalog)
    {
        while (true)
        {
            try
            {
                await using var application = LlmRingServer.Build(new ServerArguments(environment, "127.0.0.1", 0), configuration, database, catalog);
                var routes = LlmRingServer.Routes(application)
                    .Select(route => (Owner: catalog.Owner(route.First()), Words: route.Key.Split(' ')))
                    .OrderBy(route => route.Words[1], StringComparer.Ordinal);
                return (catalog, routes.ToLookup(route => route.Owner, route => $"{route.Words[0],-7}{route.Words[1]}"));
            }
            catch (Exception exception) when (ModuleFailures.CulpritOf(exception, catalog) is { } culprit)
            {
                catalog = catalog.Without(culprit, exception);
            }
        }
    }
}
