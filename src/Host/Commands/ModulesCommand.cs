using System.CommandLine;
using LlmRing.Host.Migrations;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
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
        var chosen = ModuleCatalog.Discover(assemblies, settings.Modules);
        var on = chosen.Modules.Select(module => module.Name).ToHashSet();
        var all = ModuleCatalog.Discover(assemblies, ["all"]);

        await using var database = await ServerDatabase.LocateAsync(environment, configuration, cancellationToken);
        var migrations = await ReadMigrationsAsync(database, chosen, cancellationToken);
        var arguments = new ServerArguments(environment, "127.0.0.1", 0);
        var hidden = default(OperatorErrorException);
        ModuleCatalog working;
        ILookup<IModule?, MappedRoute> routes;
        try
        {
            (working, routes) = await ReadRoutesAsync(arguments, configuration, database, all);
        }
        catch (OperatorErrorException refusal) when (on.Count < all.Modules.Count)
        {
            // What is off may be off for that very reason. If it is not to blame, this one refuses likewise.
            hidden = refusal;
            (working, routes) = await ReadRoutesAsync(arguments, configuration, database, chosen);
        }

        Console.WriteLine($"{"NAME",-16}{"VERSION",-10}{"STATE",-8}{"MIGRATIONS",-24}ASSEMBLY");
        foreach (var module in all.Modules)
        {
            var own = migrations.Where(state => state.Module == module.Name).ToList();
            var applied = own.Count(state => state.AppliedAt is not null);
            Write(
                module.Name,
                module.Assembly,
                working.LeftOut.Any(failed => failed.Name == module.Name) ? "failed" : on.Contains(module.Name) ? "on" : "off",
                on.Contains(module.Name) ? $"{applied} applied, {own.Count - applied} pending" : "");
            foreach (var route in routes.Where(own => own.Key?.Name == module.Name).SelectMany(own => own))
                Console.WriteLine($"  {route.Verb,-7}{route.Path}");
        }

        foreach (var module in all.LeftOut)
            Write(module.Name, module.Assembly, "failed", "");
        foreach (var module in working.LeftOut)
            Console.WriteLine($"Module {module.Name} in {module.Assembly.Describe()} failed: {module.Failure.Message.ReplaceLineEndings(" ")}");
        foreach (var name in chosen.Unknown)
            Console.WriteLine($"LLMRING_MODULES names '{name}', which is not there; it may be a module that failed");
        if (hidden is not null)
            Console.WriteLine($"Routes of modules that are off are not shown, because they could not be on: {hidden.Message}");
    }

    private static void Write(string name, System.Reflection.Assembly assembly, string state, string migrations) =>
        Console.WriteLine($"{name,-16}{assembly.GetName().Version!.ToString(3),-10}{state,-8}{migrations,-24}{assembly.GetName().Name}");

    private static async Task<IReadOnlyList<MigrationState>> ReadMigrationsAsync(ServerDatabase database, ModuleCatalog catalog, CancellationToken cancellationToken)
    {
        await using var services = database.CreateServices(catalog);
        try
        {
            return await services.GetRequiredService<DatabaseMigrator>().GetStatusAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            throw database.Refusal(exception);
        }
    }

    /// <summary>Puts a server together and looks at its routes without starting it.</summary>
    private static async Task<(ModuleCatalog Working, ILookup<IModule?, MappedRoute> Routes)> ReadRoutesAsync(
        ServerArguments arguments, IConfiguration configuration, ServerDatabase database, ModuleCatalog catalog)
    {
        while (true)
        {
            try
            {
                await using var application = await LlmRingServer.BuildAsync(arguments, configuration, database, TimeProvider.System, catalog);
                return (catalog, MappedRoute.Of(application).OrderBy(route => route.Path, StringComparer.Ordinal).ToLookup(route => catalog.Owner(route.Endpoint)));
            }
            catch (Exception exception) when (ModuleFaults.CulpritOf(exception, catalog) is { } culprit)
            {
                catalog = catalog.Without([culprit], exception);
            }
        }
    }
}
