using System.Reflection;
using LlmRing.Shared.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Shared.Modules;

/// <summary>The modules that are switched on, by name.</summary>
public sealed class ModuleCatalog
{
    private ModuleCatalog(IReadOnlyList<IModule> modules) => Modules = modules;

    /// <summary>The modules that are on, ordered by name.</summary>
    public IReadOnlyList<IModule> Modules { get; }

    /// <summary>The module that an endpoint (or any other type) belongs to; null for the host's own.</summary>
    public IModule? Owner(Type type) => Modules.FirstOrDefault(module => module.Assembly == type.Assembly);

    /// <summary>Finds the modules of some assemblies and keeps the chosen ones.</summary>
    /// <param name="assemblies">Assemblies to scan for <see cref="IModule"/>.</param>
    /// <param name="chosen">Names, <c>all</c>, or <c>-name</c> to leave one out; only left-out names mean all others.</param>
    /// <exception cref="StartRefusedException">A name is unknown, or two modules share one.</exception>
    public static ModuleCatalog Discover(IEnumerable<Assembly> assemblies, IReadOnlyList<string> chosen)
    {
        using var provider = new ServiceCollection()
            .Scan(scan => scan
                .FromAssemblies(assemblies)
                .AddClasses(classes => classes.AssignableTo<IModule>())
                .As<IModule>()
                .WithSingletonLifetime())
            .BuildServiceProvider();
        var found = provider.GetServices<IModule>().OrderBy(module => module.Name, StringComparer.Ordinal).ToList();

        if (found.GroupBy(module => module.Name).FirstOrDefault(group => group.Count() > 1) is { } twins)
        {
            var places = string.Join(" and ", twins.Select(module => module.Assembly.GetName().Name));
            throw new StartRefusedException($"Two modules are named '{twins.Key}': in {places}");
        }

        var names = found.ConvertAll(module => module.Name);
        var (excluded, included) = (
            chosen.Where(name => name.StartsWith('-')).Select(name => name[1..]).ToHashSet(StringComparer.OrdinalIgnoreCase),
            chosen.Where(name => !name.StartsWith('-')).ToHashSet(StringComparer.OrdinalIgnoreCase));
        var all = included.Count == 0 || included.Contains("all");

        var unknown = excluded.Concat(included).FirstOrDefault(name =>
            name is not "all" && !names.Contains(name, StringComparer.OrdinalIgnoreCase));
        if (unknown is not null)
            throw new StartRefusedException($"LLMRING_MODULES names '{unknown}'; accepted: all, or of {string.Join(", ", names)} (with a leading '-' to leave one out)");

        return new ModuleCatalog(found.FindAll(module => (all || included.Contains(module.Name)) && !excluded.Contains(module.Name)));
    }
}
