using System.Reflection;
using ArchUnitNET.Domain;
using ArchUnitNET.Domain.Dependencies;
using ArchUnitNET.Loader;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Modules.Budgets;
using LlmRing.Shared.Scopes;
using Assembly = System.Reflection.Assembly;

namespace LlmRing.Architecture.Tests;

/// <summary>The assemblies that the rules hold for, and the dependencies between their types.</summary>
internal static class CompiledCode
{
    /// <summary>The built-in modules and the sample module, to which the same rules apply.</summary>
    public static IReadOnlyList<Assembly> Modules { get; } = [.. BuiltInModules.Assemblies, typeof(BudgetsModule).Assembly];

    public static Assembly Host { get; } = typeof(LlmRingServer).Assembly;

    public static Assembly Shared { get; } = typeof(Scope).Assembly;

    public static IReadOnlyList<Assembly> All { get; } = [.. Modules, Host, Shared];

    public static IEnumerable<IType> Types => Loaded.Value.Types;

    /// <summary>Every call from a type of <see cref="All"/>, also to types of .NET.</summary>
    public static IEnumerable<MethodCallDependency> Calls => Types.SelectMany(type => type.Dependencies).OfType<MethodCallDependency>();

    /// <summary>Every pair of types of which the first one uses the second one.</summary>
    public static IEnumerable<(IType From, IType To)> Uses =>
        Types.SelectMany(type => type.Dependencies.Select(dependency => (type, dependency.Target))).Distinct();

    private static readonly Lazy<ArchUnitNET.Domain.Architecture> Loaded = new(() => new ArchLoader().LoadAssemblies([.. All]).Build());

    public static IEnumerable<System.Type> EndpointsOf(Assembly assembly) =>
        assembly.GetTypes().Where(type => type.IsAssignableTo(typeof(BaseEndpoint)) && !type.IsAbstract);

    /// <summary>The namespaces of slices: those in which the endpoints of an assembly lie.</summary>
    public static HashSet<string> SlicesOf(Assembly assembly) => [.. EndpointsOf(assembly).Select(endpoint => endpoint.Namespace!)];

    // Type parameters have no namespace.
    public static string NamespaceOf(IType type) => type.Namespace?.FullName ?? "";

    public static bool IsIn(this IType type, string @namespace) =>
        $"{NamespaceOf(type)}.".StartsWith($"{@namespace}.", StringComparison.Ordinal);

    public static IEnumerable<MethodInfo> MethodsOf(Assembly assembly) => assembly.GetTypes().SelectMany(type => type.GetMethods(
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly));
}
