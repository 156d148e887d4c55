using System.Reflection;
using System.Text.RegularExpressions;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Modules;

/// <summary>The enabled modules.</summary>
internal sealed partial class ModuleCatalog
{
    private ModuleCatalog(
        IReadOnlyList<IModule> modules,
        IReadOnlyList<FailedModule> failed,
        IReadOnlyList<string> unknown,
        IReadOnlyList<DependentModule> dependent) =>
        (Modules, Failed, Unknown, Dependent) = (modules, failed, unknown, dependent);

    /// <summary>The enabled modules, ordered by name.</summary>
    public IReadOnlyList<IModule> Modules { get; }

    /// <summary>Modules that should be on but failed at start.</summary>
    public IReadOnlyList<FailedModule> Failed { get; }

    /// <summary>Chosen names that no module has; modules that failed before their name was read may be among them.</summary>
    public IReadOnlyList<string> Unknown { get; }

    /// <summary>Chosen modules that are off, because a module that they require is off.</summary>
    public IReadOnlyList<DependentModule> Dependent { get; }

    /// <summary>The module that an endpoint (or any other type) belongs to; null for the host's own.</summary>
    public IModule? Owner(Type type) => Modules.FirstOrDefault(module => module.Assembly == type.Assembly);

    /// <summary>Finds the modules of some assemblies and keeps the chosen ones.</summary>
    /// <param name="assemblies">Assemblies to scan for <see cref="IModule"/>.</param>
    /// <param name="chosen">Names, <c>all</c>, or <c>-name</c> to leave one out; only left-out names mean all others.</param>
    /// <exception cref="OperatorErrorException">A name is unknown or not allowed, or two modules share one.</exception>
    public static ModuleCatalog Discover(IEnumerable<Assembly> assemblies, IReadOnlyList<string> chosen)
    {
        var (found, failed) = Instantiate(assemblies);
        found.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));

        if (found.Find(module => !AllowedName().IsMatch(module.Name)) is { } misnamed)
        {
            throw new OperatorErrorException(
                $"The module {misnamed.GetType().FullName} in {misnamed.Assembly.Describe()} is named '{misnamed.Name}'; "
                + "accepted: at most 40 of a-z, 0-9 and -, beginning with a letter, and not 'all'");
        }

        if (found.GroupBy(module => module.Name).FirstOrDefault(group => group.Count() > 1) is { } duplicates)
        {
            throw new OperatorErrorException(
                $"Two modules are named '{duplicates.Key}': "
                + $"in {string.Join(" and ", duplicates.Select(module => module.Assembly.Describe()))}");
        }


        var names = found.Select(module => module.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var (excluded, included) = (
            chosen.Where(name => name.StartsWith('-')).Select(name => name[1..]).ToHashSet(StringComparer.OrdinalIgnoreCase),
            chosen.Where(name => !name.StartsWith('-')).ToHashSet(StringComparer.OrdinalIgnoreCase));
        var all = included.Count == 0 || included.Contains("all");

        string[] unknown =
        [
            .. excluded.Except(names, StringComparer.OrdinalIgnoreCase).Select(name => $"-{name}"),
            .. included.Except(
                names, StringComparer.OrdinalIgnoreCase).Where(name => !name.Equals("all", StringComparison.OrdinalIgnoreCase)),
        ];
        if (unknown.Length > 0 && failed.Count == 0)
        {
            throw new OperatorErrorException(
                $"LLMRING_MODULES names '{unknown[0]}'; accepted: all, or of {string.Join(", ", found.Select(module => module.Name))} "
                + "(with a leading '-' to leave one out)");
        }


        return new ModuleCatalog(
            found.FindAll(module => (all || included.Contains(module.Name)) && !excluded.Contains(module.Name)), failed, unknown, [])
            .WithoutDependent();
    }

    /// <summary>The catalog without modules that failed at start.</summary>
    public ModuleCatalog Without(IReadOnlyCollection<IModule> modules, Exception failure) => new ModuleCatalog(
        [.. Modules.Except(modules)],
        [.. Failed, .. modules.Select(module => new FailedModule(module.Name, module.Assembly, failure))],
        Unknown,
        Dependent).WithoutDependent();

    /// <summary>The catalog without modules that require one which is not in it, directly or over others.</summary>
    private ModuleCatalog WithoutDependent()
    {
        var (modules, dependent) = (Modules.ToList(), Dependent.ToList());
        // Each module that is removed may be required by another one.
        while (modules.Find(module => MissingOf(module, modules) is not null) is { } removed)
        {
            dependent.Add(new DependentModule(removed.Name, MissingOf(removed, modules)!));
            modules.Remove(removed);
        }

        return new ModuleCatalog(modules, Failed, Unknown, dependent);
    }

    private static string? MissingOf(IModule module, List<IModule> modules) =>
        module.Requires.FirstOrDefault(name => !modules.Exists(other => other.Name.Equals(name, StringComparison.OrdinalIgnoreCase)));

    private static (List<IModule> Found, List<FailedModule> Failed) Instantiate(IEnumerable<Assembly> assemblies)
    {
        var services = new ServiceCollection().Scan(scan => scan
            .FromAssemblies(assemblies)
            .AddClasses(classes => classes.AssignableTo<IModule>())
            .AsSelf()
            .WithSingletonLifetime());
        using var provider = services.BuildServiceProvider();
        var (found, failed) = (new List<IModule>(), new List<FailedModule>());
        foreach (var type in services.Select(service => service.ServiceType))
        {
            try
            {
                var module = (IModule)provider.GetRequiredService(type);
                if (module.Name is null || module.Description is null)
                    throw new InvalidOperationException("Its name or its description is null");
                _ = module.Schema;
                _ = module.Requires;
                found.Add(module);
            }
            catch (Exception exception)
            {
                // A constructor or a property of one module that throws does not keep the other modules from starting.
                failed.Add(new FailedModule(type.FullName!, type.Assembly, exception));
            }
        }

        return (found, failed);
    }

    [GeneratedRegex(@"^(?!all\z)[a-z][a-z0-9-]{0,39}\z")]
    private static partial Regex AllowedName();
}

/// <summary>A module that is off, because another one is.</summary>
/// <param name="Name">Name of the module.</param>
/// <param name="Missing">Name of the module that it requires.</param>
internal sealed record DependentModule(string Name, string Missing);

/// <summary>A module that failed at start, and without which the server runs.</summary>
/// <param name="Name">Name of the module; of its class where it could not be created.</param>
/// <param name="Assembly">The module's assembly.</param>
/// <param name="Failure">The exception that it threw.</param>
internal sealed record FailedModule(string Name, Assembly Assembly, Exception Failure)
{
    /// <summary>The failure in one line.</summary>
    public string Reason => Failure.Message.ReplaceLineEndings(" ");

    /// <summary>One line for the operator.</summary>
    public override string ToString() => $"Module {Name} in {Assembly.Describe()} failed and is left out: {Reason}";
}
