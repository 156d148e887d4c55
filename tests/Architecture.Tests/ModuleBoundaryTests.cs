using System.Reflection;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Modules.Budgets;
using LlmRing.Shared.Modules;

namespace LlmRing.Architecture.Tests;

public sealed class ModuleBoundaryTests
{
    private static readonly Assembly Shared = typeof(IModule).Assembly;

    public static IEnumerable<Func<Assembly>> Modules() => BuiltInModules.Assemblies.Append(typeof(BudgetsModule).Assembly).Select(assembly => (Func<Assembly>)(() => assembly));

    [Test]
    [MethodDataSource(nameof(Modules))]
    public async Task A_module_references_of_this_project_only_Shared(Assembly module)
    {
        var references = module.GetReferencedAssemblies().Select(reference => reference.Name!).Where(name => name.StartsWith("LlmRing", StringComparison.Ordinal) || name == "llmring-server");

        await Assert.That(references).IsEquivalentTo([Shared.GetName().Name!]);
    }

    [Test]
    public async Task Shared_references_no_module_and_no_host()
    {
        var references = Shared.GetReferencedAssemblies().Select(reference => reference.Name!);

        await Assert.That(references.Where(name => name.StartsWith("LlmRing", StringComparison.Ordinal) || name == "llmring-server")).IsEmpty();
    }

    [Test]
    [MethodDataSource(nameof(Modules))]
    public async Task A_module_shows_nothing_but_its_module_class(Assembly module)
    {
        var shown = module.GetExportedTypes();

        await Assert.That(shown.Length).IsEqualTo(1).Because(string.Join(", ", shown.Select(type => type.Name)));
        await Assert.That(typeof(IModule).IsAssignableFrom(shown[0])).IsTrue();
    }

    public static IEnumerable<Func<Assembly>> ModulesAndHost() => Modules().Append(() => typeof(LlmRingServer).Assembly);

    [Test]
    [MethodDataSource(nameof(ModulesAndHost))]
    public async Task Endpoints_are_sealed_and_lie_in_the_folder_of_their_slice(Assembly module)
    {
        var endpoints = module.GetTypes().Where(type => type.IsAssignableTo(typeof(BaseEndpoint)) && !type.IsAbstract);

        foreach (var endpoint in endpoints)
        {
            await Assert.That(endpoint.IsSealed).IsTrue().Because(endpoint.FullName!);
            await Assert.That(endpoint.Name).EndsWith("Endpoint").Because(endpoint.FullName!);
            // LlmRing.Modules.Usage.LogUsage, LlmRing.Host.Health.
            await Assert.That(endpoint.Namespace!.Split('.').Length).IsGreaterThan(module == typeof(LlmRingServer).Assembly ? 2 : 3).Because($"{endpoint.FullName} lies at the top of its module");
        }
    }

    [Test]
    public async Task Nothing_is_async_void()
    {
        var methods = ModulesAndHost().Select(assembly => assembly()).Append(Shared)
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(method => method.ReturnType == typeof(void) && method.IsDefined(typeof(System.Runtime.CompilerServices.AsyncStateMachineAttribute)));

        await Assert.That(methods.Select(method => $"{method.DeclaringType}.{method.Name}")).IsEmpty();
    }
}
