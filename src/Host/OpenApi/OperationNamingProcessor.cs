using System.Globalization;
using System.Text.Json;
using FastEndpoints;
using FastEndpoints.Swagger;
using LlmRing.Host.Modules;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Gives each operation an id and the tag of its module, and names the further routes of the endpoint in the description.
/// </summary>
internal sealed class OperationNamingProcessor(ModuleCatalog catalog) : IOperationProcessor
{
    public const string HostTag = "server";

    public bool Process(OperationProcessorContext context)
    {
        var definition = context.GetEndpointDefinition()!;
        var module = catalog.Owner(definition.EndpointType);
        var operation = context.OperationDescription.Operation;
        operation.OperationId = OperationId(definition, context.OperationDescription.Method, ModuleSchemaNameGenerator.PrefixOf(module));
        operation.Tags = [module?.Name ?? HostTag];
        if (definition.Routes.Length > 1)
        {
            var aliases = string.Join(", ", definition.Routes.Skip(1).Select(alias => $"`{alias}`"));
            operation.Description = $"{operation.Description}\n\nAlso served as {aliases}.".TrimStart();
        }

        return true;
    }

    /// <summary>The name of the endpoint, with the verb if the verb is not the endpoint's first one.</summary>
    private static string OperationId(EndpointDefinition definition, string method, string prefix)
    {
        var name = prefix + definition.EndpointType.Name.Replace("Endpoint", "", StringComparison.Ordinal);
        var isFirst = definition.Verbs[0].Equals(method, StringComparison.OrdinalIgnoreCase);
        return JsonNamingPolicy.CamelCase.ConvertName(name) + (isFirst ? "" : CultureInfo.InvariantCulture.TextInfo.ToTitleCase(method));
    }
}
