using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.Connections;
using Npgsql;

namespace LlmRing.Host.Modules;

/// <summary>Whose fault it is when a start fails.</summary>
internal static class ModuleFaults
{
    /// <summary>Has a module register its services; what one of <c>LLMRING_MODULES_PATH</c> throws has its name.</summary>
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

    /// <summary>
    /// The module of <c>LLMRING_MODULES_PATH</c> that a failure names: in a stack trace, or as a type that cannot be made.
    /// Null where none is, where the operator is told what to mend, or where the database is away.
    /// </summary>
    public static IModule? CulpritOf(Exception failure, ModuleCatalog catalog)
    {
        if (failure is ModuleFaultException own)
            return own.Module;
        if (failure is OperatorErrorException or NpgsqlException and not PostgresException { IsTransient: false })
            return null;

        var text = failure.ToString();
        return catalog.Modules.FirstOrDefault(module => module.IsExternal()
            && module.Assembly.GetTypes().Any(type => type is { Namespace: not null, FullName: { } name } && text.Contains(name, StringComparison.Ordinal)));
    }

    /// <summary>
    /// Whom to start without after a failure that names nobody, such as options that are not valid: each module of
    /// <c>LLMRING_MODULES_PATH</c> in turn, then all of them.
    /// </summary>
    public static IEnumerable<IReadOnlyCollection<IModule>> SuspectsOf(Exception failure, ModuleCatalog catalog)
    {
        if (failure is OperatorErrorException or NpgsqlException or OperationCanceledException || failure.IsOfThePort())
            return [];

        var external = catalog.Modules.Where(IsExternal).ToList();
        IEnumerable<IReadOnlyCollection<IModule>> each = external.Select(module => new[] { module });
        return external.Count > 1 ? each.Append(external) : each;
    }

    /// <summary>Whether Kestrel could not listen.</summary>
    public static bool IsOfThePort(this Exception failure) =>
        failure is IOException { InnerException: AddressInUseException or System.Net.Sockets.SocketException };

    /// <summary>Whether a module comes from <c>LLMRING_MODULES_PATH</c>.</summary>
    public static bool IsExternal(this IModule module) => !BuiltInModules.Assemblies.Contains(module.Assembly);
}

/// <summary>What a module threw, with its name.</summary>
internal sealed class ModuleFaultException(IModule module, Exception inner) : Exception(inner.Message, inner)
{
    public IModule Module => module;
}
