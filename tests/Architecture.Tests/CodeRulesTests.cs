using System.Reflection;
using System.Runtime.CompilerServices;
using ArchUnitNET.Domain;
using ArchUnitNET.Domain.Dependencies;
using ArchUnitNET.Loader;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Modules.Budgets;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Assembly = System.Reflection.Assembly;

namespace LlmRing.Architecture.Tests;

/// <summary>Rules that only the compiled code shows.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CodeRulesTests(ServerFixture server)
{
    private static readonly Assembly[] Modules = [.. BuiltInModules.Assemblies, typeof(BudgetsModule).Assembly];

    private static readonly ArchUnitNET.Domain.Architecture Code = new ArchLoader()
        .LoadAssemblies([.. Modules, typeof(Scope).Assembly, typeof(LlmRingServer).Assembly])
        .Build();

    // What a slice may use of another one, and why.
    private static readonly (string From, string To)[] Neighbours =
    [
        // A batch is many usages: one request type, one validator, one price.
        ("Modules.Usage.LogBatch", "Modules.Usage.LogUsage"),
    ];

    [Test]
    public async Task A_slice_uses_no_type_of_another_slice()
    {
        var slices = Modules.Append(typeof(LlmRingServer).Assembly).SelectMany(module => module.GetTypes())
            .Where(type => type.IsAssignableTo(typeof(BaseEndpoint)) && !type.IsAbstract)
            .Select(type => type.Namespace!)
            .ToHashSet();

        var uses = Code.Types
            .SelectMany(type => type.Dependencies.Select(dependency => (From: SliceOf(type), To: SliceOf(dependency.Target))))
            .Where(use => use.From is not null && use.To is not null && use.From != use.To)
            .Select(use => (From: use.From!, To: use.To!))
            .Distinct()
            .Where(use => !Neighbours.Contains((use.From.Replace("LlmRing.", "", StringComparison.Ordinal), use.To.Replace("LlmRing.", "", StringComparison.Ordinal))));

        await Assert.That(slices.Count).IsGreaterThan(20);
        await Assert.That(uses.Select(use => $"{use.From} uses {use.To}")).IsEmpty();

        // What lies in a folder of a slice is the slice's.
        string? SliceOf(IType type) => slices.FirstOrDefault(slice => $"{NamespaceOf(type)}.".StartsWith($"{slice}.", StringComparison.Ordinal));
    }

    [Test]
    public async Task The_host_uses_of_a_module_only_its_module_class()
    {
        var modules = BuiltInModules.Assemblies.Select(module => module.GetName().Name!).ToHashSet();
        var host = typeof(LlmRingServer).Namespace!;

        var uses = Code.Types
            .Where(type => NamespaceOf(type).StartsWith(host, StringComparison.Ordinal))
            .SelectMany(type => type.Dependencies.Select(dependency => (From: type.FullName, To: dependency.Target)))
            .Where(use => modules.Any(module => use.To.FullName.StartsWith(module + ".", StringComparison.Ordinal)) && !use.To.Name.EndsWith("Module", StringComparison.Ordinal));

        await Assert.That(uses.Select(use => $"{use.From} uses {use.To.FullName}")).IsEmpty();
    }

    [Test]
    public async Task Only_its_own_tests_see_into_a_module()
    {
        foreach (var module in Modules)
        {
            var friends = module.GetCustomAttributes<InternalsVisibleToAttribute>().Select(friend => friend.AssemblyName);
            await Assert.That(friends.Where(friend => friend != $"{module.GetName().Name}.Tests")).IsEmpty();
        }
    }

    [Test]
    public async Task Statements_are_in_no_endpoint()
    {
        var endpoints = Modules.SelectMany(module => module.GetTypes()).Where(type => type.IsAssignableTo(typeof(BaseEndpoint)) && !type.IsAbstract);

        var direct = endpoints.Where(endpoint => endpoint.GetConstructors().SelectMany(constructor => constructor.GetParameters())
            .Any(parameter => parameter.ParameterType.Namespace == "Npgsql"));

        await Assert.That(direct.Select(endpoint => endpoint.FullName)).IsEmpty();
    }

    [Test]
    public async Task Time_comes_from_a_TimeProvider()
    {
        string[] clocks = ["get_Now()", "get_UtcNow()", "get_Today()"];

        var calls = Code.Types
            .SelectMany(type => type.Dependencies.OfType<MethodCallDependency>().Select(call => (type.FullName, Target: call.Target.FullName, Method: call.TargetMember.Name)))
            .Where(call => call.Target is "System.DateTime" or "System.DateTimeOffset" && clocks.Contains(call.Method));

        await Assert.That(calls.Select(call => $"{call.FullName} calls {call.Target}.{call.Method}")).IsEmpty();
    }

    [Test]
    public async Task Every_endpoint_has_a_summary_and_asks_whose_request_it_is()
    {
        using var folder = new ModuleFolder("samples/Modules.Budgets");
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        var definitions = own.Services.GetRequiredService<EndpointDataSource>().Endpoints
            .Select(endpoint => endpoint.Metadata.GetMetadata<EndpointDefinition>())
            .OfType<EndpointDefinition>()
            .DistinctBy(definition => definition.EndpointType)
            .ToList();

        await Assert.That(definitions.Count).IsGreaterThan(40);
        await Assert.That(definitions.Count(definition => definition.EndpointType.Namespace!.StartsWith(typeof(BudgetsModule).Namespace!, StringComparison.Ordinal))).IsEqualTo(3);
        await Assert.That(definitions.Where(definition => string.IsNullOrEmpty(definition.EndpointSummary?.Summary)).Select(definition => definition.EndpointType.FullName)).IsEmpty();
        var strangers = definitions
            .Where(definition => definition.AnonymousVerbs is null or { Length: 0 })
            .Where(definition => !Code.Types.Any(type => type.FullName.StartsWith(definition.EndpointType.FullName!, StringComparison.Ordinal)
                && type.Dependencies.OfType<MethodCallDependency>().Any(call => call.Target.FullName == typeof(ScopeExtensions).FullName)));
        await Assert.That(strangers.Select(definition => definition.EndpointType.FullName)).IsEmpty();
        // Open to anyone are the registry, which is public, and what the host says of itself.
        var open = definitions.Where(definition => definition.AnonymousVerbs is { Length: > 0 }).Select(definition => definition.EndpointType.Namespace!);
        await Assert.That(open.Where(name => !name.StartsWith("LlmRing.Modules.Registry", StringComparison.Ordinal) && !name.StartsWith("LlmRing.Host", StringComparison.Ordinal))).IsEmpty();
    }

    // A parameter of a generic type has none.
    private static string NamespaceOf(IType type) => type.Namespace?.FullName ?? "";
}
