using LlmRing.Shared.Configuration;
using LlmRing.Shared.Modules;

namespace LlmRing.Host.Modules;

/// <summary>Whose fault it is when a start fails.</summary>
internal static class ModuleFailures
{
    /// <summary>
    /// The module of <c>LLMRING_MODULES_PATH</c> that a failure names: in a stack trace, or as a type that cannot be made.
    /// Null where none is, or where the operator is told what to mend.
    /// </summary>
    public static IModule? CulpritOf(Exception failure, ModuleCatalog catalog)
    {
        if (failure is StartRefusedException)
            return null;

        var text = failure.ToString();
        return catalog.Modules.FirstOrDefault(module =>
            !BuiltInModules.Assemblies.Contains(module.Assembly)
            && module.Assembly.GetTypes().Any(type => type is { Namespace: not null, FullName: { } name } && text.Contains(name, StringComparison.Ordinal)));
    }
}
