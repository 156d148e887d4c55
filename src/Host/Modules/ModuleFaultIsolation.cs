using LlmRing.Host.Startup;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Modules;

/// <summary>
/// Builds the server without the modules of <c>LLMRING_MODULES_PATH</c> that make it fail, so that one faulty module does not
/// keep the others from starting. The decision note on module faults says how the faulty module is found, and what is missed.
/// </summary>
internal static class ModuleFaultIsolation
{
    /// <summary>Builds with all modules that a failure does not name.</summary>
    /// <param name="catalog">The modules that are on.</param>
    /// <param name="build">Builds with the modules of a catalog. A failed build leaves nothing behind.</param>
    /// <exception cref="OperatorErrorException">The failure is one that the operator can mend.</exception>
    public static async Task<T> BuildAsync<T>(ModuleCatalog catalog, Func<ModuleCatalog, Task<T>> build)
    {
        while (true)
        {
            try
            {
                return await build(catalog);
            }
            catch (Exception exception) when (FindFaultyModule(exception, catalog) is { } faulty)
            {
                catalog = catalog.Without([faulty], exception);
            }
        }
    }

    /// <summary>
    /// Does the same, and for a failure that names no module, such as invalid options, tries to build without each candidate:
    /// each external module in turn, then all of them.
    /// </summary>
    /// <inheritdoc cref="BuildAsync"/>
    public static async Task<T> BuildWithoutCandidatesAsync<T>(ModuleCatalog catalog, Func<ModuleCatalog, Task<T>> build)
    {
        try
        {
            return await BuildAsync(catalog, build);
        }
        catch (Exception exception) when (MayComeFromAModule(exception))
        {
            foreach (var candidates in CandidatesOf(catalog))
            {
                try
                {
                    return await BuildAsync(catalog.Without(candidates, exception), build);
                }
                catch (Exception)
                {
                    // Still fails without these modules: try the next candidates.
                }
            }

            throw;
        }
    }

    /// <summary>Registers the services of a module; a failure of an external one carries its name.</summary>
    public static void AddModule(this IServiceCollection services, IModule module, IConfiguration configuration)
    {
        try
        {
            module.AddServices(services, configuration);
        }
        catch (Exception exception) when (exception is not OperatorErrorException && module.IsExternal())
        {
            throw new ModuleFaultException(module, exception);
        }
    }

    /// <summary>Whether a module comes from <c>LLMRING_MODULES_PATH</c>.</summary>
    public static bool IsExternal(this IModule module) => !BuiltInModules.Assemblies.Contains(module.Assembly);

    /// <summary>The external module whose types the stack trace or the message of a failure names; null where there is none.</summary>
    private static IModule? FindFaultyModule(Exception failure, ModuleCatalog catalog)
    {
        if (failure is ModuleFaultException own)
            return own.Module;
        if (failure is OperatorErrorException || (failure is NpgsqlException database && database.IsUnavailability()))
            return null;

        var text = failure.ToString();
        return catalog.Modules.FirstOrDefault(module => module.IsExternal() && module.Assembly.GetTypes()
            .Any(type => type is { Namespace: not null, FullName: { } name } && text.Contains(name, StringComparison.Ordinal)));
    }

    private static bool MayComeFromAModule(Exception failure) =>
        failure is not (OperatorErrorException or NpgsqlException or OperationCanceledException) && !ListenAddress.IsRefused(failure);

    private static IEnumerable<IReadOnlyCollection<IModule>> CandidatesOf(ModuleCatalog catalog)
    {
        var external = catalog.Modules.Where(IsExternal).ToList();
        IEnumerable<IReadOnlyCollection<IModule>> each = external.Select(module => new[] { module });
        return external.Count > 1 ? each.Append(external) : each;
    }
}

/// <summary>A module failed to register its services.</summary>
internal sealed class ModuleFaultException(IModule module, Exception inner) : Exception(inner.Message, inner)
{
    public IModule Module => module;
}
