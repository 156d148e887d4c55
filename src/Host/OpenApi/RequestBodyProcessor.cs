using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using FastEndpoints.Swagger;
using LlmRing.Host.Pipeline;
using LlmRing.Shared.Json;
using Newtonsoft.Json.Linq;
using NSwag;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Takes members that come from the route, the query or a header out of bodies, and writes examples as the API reads them.
/// FastEndpoints.Swagger leaves optional headers in the body, and serializes examples with Newtonsoft.Json.
/// </summary>
internal sealed class RequestBodyProcessor : IOperationProcessor
{
    public bool Process(OperationProcessorContext context)
    {
        var (definition, operation) = (context.GetEndpointDefinition()!, context.OperationDescription.Operation);
        if (operation.RequestBody is not { } body)
            return true;

        var members = RequestParameter.Of(definition);
        if (definition.ReqDtoType != typeof(EmptyRequest) && members.All(member => member.Location is not ParameterLocation.Body))
        {
            foreach (var parameter in operation.Parameters.Where(parameter => parameter.Kind is OpenApiParameterKind.Body).ToList())
                operation.Parameters.Remove(parameter);
            operation.RequestBody = null;
            return true;
        }

        (body.Name, body.Position, body.Description) = (null, null, null);
        var names = members
            .Where(member => member.Location is not ParameterLocation.Body)
            .SelectMany(member => new[] { member.Name, JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Property.Name) })
            .ToHashSet();
        var example = definition.EndpointSummary?.RequestExamples.FirstOrDefault()?.Value is { } value ? ExampleOf(value, names) : null;
        foreach (var content in body.Content.Values)
        {
            var schema = content.Schema.ActualSchema;
            foreach (var name in names)
                schema.Properties.Remove(name);
            foreach (var member in schema.Properties.Values)
                member.Example = null;
            (schema.Example, content.Example) = (null, example);
        }

        return true;
    }

    private static JToken ExampleOf(object request, HashSet<string> names)
    {
        var body = request.GetType().GetProperties().FirstOrDefault(property => property.IsDefined(typeof(FromBodyAttribute)));
        var json = JsonSerializer.SerializeToNode(body is null ? request : body.GetValue(request), JsonConventions.Options);
        if (json is JsonObject members)
        {
            // An example shows what a caller would write, not every member that could be there.
            foreach (var (name, _) in members.Where(member => member.Value is null || names.Contains(member.Key)).ToList())
                members.Remove(name);
        }

        return JToken.Parse(json!.ToJsonString());
    }
}
