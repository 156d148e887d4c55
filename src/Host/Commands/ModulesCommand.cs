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
        var list = new Command(
            "list", "Lists all modules that are found: name, version, on or off, migrations, assembly and routes.") { environment };
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
        var builder = new ServerBuilder(new ServerArguments(environment, "127.0.0.1", 0), configuration, database, TimeProvider.System);
        var hidden = default(OperatorErrorException);
        ModuleCatalog working;
        ILookup<IModule?, MappedRoute> routes;
        try
        {
            (working, routes) = await ReadRoutesAsync(builder, all);
        }
        catch (OperatorErrorException refusal) when (on.Count < all.Modules.Count)
        {
            // A disabled module may be the cause: retry with enabled ones; if they fail, that error is thrown.
            hidden = refusal;
            (working, routes) = await ReadRoutesAsync(builder, chosen);
        }

        Terminal.WriteLine($"{"NAME",-16}{"VERSION",-10}{"STATE",-8}{"MIGRATIONS",-24}ASSEMBLY");
        foreach (var module in all.Modules)
        {
            var own = migrations.Where(state => state.Module == module.Name).ToList();
            var applied = own.Count(state => state.AppliedAt is not null);
            Write(
                module.Name,
                module.Assembly,
                working.Failed.Any(failed => failed.Name == module.Name) ? "failed" : on.Contains(module.Name) ? "on" : "off",
                on.Contains(module.Name) ? $"{applied} applied, {own.Count - applied} pending" : "");
            foreach (var route in routes.Where(own => own.Key?.Name == module.Name).SelectMany(own => own))
                Terminal.WriteLine($"  {route.Verb,-7}{route.Path}");
        }

        foreach (var module in all.Failed)
            Write(module.Name, module.Assembly, "failed", "");
        foreach (var module in working.Failed)
            Terminal.WriteLine(module.ToString());
        foreach (var name in chosen.Unknown)
            Terminal.WriteLine($"LLMRING_MODULES names '{name}', which was not found; it may be a module that failed");
        if (hidden is not null)
            Terminal.WriteLine($"Routes of modules that are off are not shown, because they could not be on: {hidden.Message}");
    }

    private static void Write(string name, System.Reflection.Assembly assembly, string state, string migrations) =>
        Terminal.WriteLine($"{name,-16}{assembly.GetName().Version!.ToString(3),-10}{state,-8}{migrations,-24}{assembly.GetName().Name}");

    private static async Task<IReadOnlyList<MigrationState>> ReadMigrationsAsync(
        ServerDatabase database, ModuleCatalog catalog, CancellationToken cancellationToken)
    {
        await using var services = database.CreateServices(catalog);
        try
        {
            return await services.GetRequiredService<DatabaseMigrator>().GetStatusAsync(cancellationToken);
        }
        catch (NpgsqlException exception)
        {
            throw database.ToOperatorError(exception);
        }
    }

    /// <summary>Builds a server and reads its routes without starting it.</summary>
    private static Task<(
        ModuleCatalog Working, ILookup<IModule?, MappedRoute> Routes)> ReadRoutesAsync(ServerBuilder builder, ModuleCatalog modules) =>
        ModuleFaultIsolation.BuildAsync(modules, async catalog =>
        {
            await using var application = await builder.BuildAsync(catalog);
            return (
                catalog,
                MappedRoute.Of(application).OrderBy(
                    route => route.Path, StringComparer.Ordinal).ToLookup(route => catalog.Owner(route.Endpoint)));
        });
}
