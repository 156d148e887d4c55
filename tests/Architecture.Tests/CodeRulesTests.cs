using System.Runtime.CompilerServices;
using ArchUnitNET.Domain.Dependencies;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Modules.Budgets;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Architecture.Tests;

/// <summary>Rules that hold for modules and endpoints.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class CodeRulesTests(ServerFixture server)
{
    [Test]
    public async Task The_host_uses_no_type_of_a_module_but_its_module_class()
    {
        var modules = BuiltInModules.Assemblies.Select(module => module.GetName().Name!).ToHashSet();

        var violations = CompiledCode.Uses.Where(use =>
            use.From.IsIn("LlmRing.Host") && modules.Any(use.To.IsIn) && !use.To.Name.EndsWith("Module", StringComparison.Ordinal));

        await Assert.That(violations.Select(use => $"{use.From.FullName} uses {use.To.FullName}")).IsEmpty();
    }

    [Test]
    public async Task Internal_types_of_a_module_are_visible_to_its_own_tests_only()
    {
        foreach (var module in CompiledCode.Modules)
        {
            var friends = module.GetCustomAttributes(typeof(InternalsVisibleToAttribute), false).Cast<InternalsVisibleToAttribute>();
            var strangers = friends.Select(friend => friend.AssemblyName).Where(friend => friend != $"{module.GetName().Name}.Tests");
            await Assert.That(strangers).IsEmpty();
        }
    }

    [Test]
    public async Task Endpoints_of_modules_get_no_database_connection()
    {
        var violations = CompiledCode.Modules.SelectMany(CompiledCode.EndpointsOf)
            .Where(endpoint => endpoint.GetConstructors()
                .SelectMany(constructor => constructor.GetParameters())
                .Any(parameter => parameter.ParameterType.Namespace == "Npgsql"));

        await Assert.That(violations.Select(endpoint => endpoint.FullName)).IsEmpty();
    }

    [Test]
    public async Task Every_endpoint_has_a_summary()
    {
        var endpoints = await ReadEndpointsAsync();

        var violations = endpoints.Where(endpoint => string.IsNullOrEmpty(endpoint.EndpointSummary?.Summary));

        await Assert.That(violations.Select(endpoint => endpoint.EndpointType.FullName)).IsEmpty();
    }

    [Test]
    public async Task Every_endpoint_that_needs_a_key_reads_the_scope_of_the_request()
    {
        var endpoints = await ReadEndpointsAsync();

        var violations = endpoints.Where(endpoint => !IsAnonymous(endpoint)).Where(endpoint => !CompiledCode.Types
            .Where(type => type.FullName.StartsWith(endpoint.EndpointType.FullName!, StringComparison.Ordinal))
            .SelectMany(type => type.Dependencies.OfType<MethodCallDependency>())
            .Any(call => call.Target.FullName == typeof(ScopeExtensions).FullName));

        await Assert.That(violations.Select(endpoint => endpoint.EndpointType.FullName)).IsEmpty();
    }

    [Test]
    public async Task Only_the_registry_the_host_and_the_files_of_the_dashboard_have_endpoints_without_authentication()
    {
        // A browser asks for the files before it signs in, and signs out of a session whose key is revoked.
        string[] dashboard = ["LlmRing.Modules.Dashboard.GetFile", "LlmRing.Modules.Dashboard.SignOut"];
        var anonymous = (await ReadEndpointsAsync()).Where(IsAnonymous).Select(endpoint => endpoint.EndpointType.Namespace!);

        await Assert.That(anonymous
            .Where(name => !name.StartsWith("LlmRing.Modules.Registry", StringComparison.Ordinal))
            .Except(dashboard)
            .Where(name => !name.StartsWith("LlmRing.Host", StringComparison.Ordinal))).IsEmpty();
    }

    /// <summary>All endpoints of a server that runs the built-in modules and the sample module.</summary>
    private async Task<IReadOnlyList<EndpointDefinition>> ReadEndpointsAsync()
    {
        using var folder = new ModuleFolder("samples/Modules.Budgets");
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        var endpoints = own.Services.GetRequiredService<EndpointDataSource>().Endpoints
            .Select(endpoint => endpoint.Metadata.GetMetadata<EndpointDefinition>())
            .OfType<EndpointDefinition>()
            .DistinctBy(endpoint => endpoint.EndpointType)
            .ToList();

        // The rules would hold for no endpoints at all, too.
        await Assert.That(endpoints.Count).IsGreaterThan(40);
        var budgets = typeof(BudgetsModule).Namespace!;
        await Assert.That(endpoints.Count(endpoint => endpoint.EndpointType.Namespace!.StartsWith(budgets, StringComparison.Ordinal))).IsEqualTo(3);
        return endpoints;
    }

    private static bool IsAnonymous(EndpointDefinition endpoint) => endpoint.AnonymousVerbs is { Length: > 0 };
}
