using System.Reflection;
using System.Runtime.CompilerServices;
using LlmRing.Shared.Modules;

namespace LlmRing.Architecture.Tests;

public sealed class ModuleBoundaryTests
{
    public static IEnumerable<Func<Assembly>> Modules() => CompiledCode.Modules.Select(assembly => (Func<Assembly>)(() => assembly));

    public static IEnumerable<Func<Assembly>> ModulesAndHost() => Modules().Append(() => CompiledCode.Host);

    [Test]
    [MethodDataSource(nameof(Modules))]
    public async Task A_module_references_no_assembly_of_this_solution_but_Shared(Assembly module)
    {
        await Assert.That(OwnReferencesOf(module)).IsEquivalentTo([CompiledCode.Shared.GetName().Name!]);
    }

    [Test]
    public async Task Shared_references_no_assembly_of_this_solution()
    {
        await Assert.That(OwnReferencesOf(CompiledCode.Shared)).IsEmpty();
    }

    [Test]
    [MethodDataSource(nameof(Modules))]
    public async Task The_module_class_is_the_only_public_type_of_a_module(Assembly module)
    {
        var shown = module.GetExportedTypes();

        await Assert.That(shown.Length).IsEqualTo(1).Because(string.Join(", ", shown.Select(type => type.Name)));
        await Assert.That(typeof(IModule).IsAssignableFrom(shown[0])).IsTrue();
    }

    [Test]
    [MethodDataSource(nameof(ModulesAndHost))]
    public async Task Endpoints_are_sealed(Assembly assembly)
    {
        var violations = CompiledCode.EndpointsOf(assembly).Where(endpoint => !endpoint.IsSealed);

        await Assert.That(violations.Select(endpoint => endpoint.FullName)).IsEmpty();
    }

    [Test]
    [MethodDataSource(nameof(ModulesAndHost))]
    public async Task Names_of_endpoints_end_with_Endpoint(Assembly assembly)
    {
        var violations = CompiledCode.EndpointsOf(assembly).Where(endpoint => !endpoint.Name.EndsWith("Endpoint", StringComparison.Ordinal));

        await Assert.That(violations.Select(endpoint => endpoint.FullName)).IsEmpty();
    }

    [Test]
    [MethodDataSource(nameof(ModulesAndHost))]
    public async Task Endpoints_lie_in_the_folder_of_their_use_case_and_not_at_the_root(Assembly assembly)
    {
        // LlmRing.Modules.Usage.LogUsage, LlmRing.Host.Health.
        var depth = assembly == CompiledCode.Host ? 3 : 4;

        var violations = CompiledCode.EndpointsOf(assembly).Where(endpoint => endpoint.Namespace!.Split('.').Length < depth);

        await Assert.That(violations.Select(endpoint => endpoint.FullName)).IsEmpty();
    }

    [Test]
    public async Task No_method_is_async_void()
    {
        var methods = CompiledCode.All.SelectMany(CompiledCode.MethodsOf)
            .Where(method => method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)));

        await Assert.That(methods.Select(method => $"{method.DeclaringType}.{method.Name}")).IsEmpty();
    }

    private static IEnumerable<string> OwnReferencesOf(Assembly assembly) => assembly.GetReferencedAssemblies()
        .Select(reference => reference.Name!)
        .Where(name => name.StartsWith("LlmRing", StringComparison.Ordinal) || name == "llmring-server");
}
