using System.Text.Json;
using FastEndpoints;
using FastEndpoints.Swagger;
using LlmRing.Host.Pipeline;
using LlmRing.Shared.Json;
using Newtonsoft.Json.Linq;
using NJsonSchema;
using NSwag;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Describes route, query and header parameters as the pipeline binds them. FastEndpoints.Swagger lower-cases the names of
/// headers, puts the members of a DELETE into a body, and knows neither ranges nor defaults of parameters.
/// </summary>
internal sealed class ParameterProcessor(ValidationRules rules) : IOperationProcessor
{
    public bool Process(OperationProcessorContext context)
    {
        var definition = context.GetEndpointDefinition()!;
        var parameters = context.OperationDescription.Operation.Parameters;
        foreach (var member in RequestParameter.Of(definition).Where(member => member.Location is not ParameterLocation.Body))
        {
            var kind = KindOf(member.Location);
            var parameter = parameters.FirstOrDefault(known =>
                known.Kind == kind && known.Name.Equals(member.Name, StringComparison.OrdinalIgnoreCase));
            if (parameter is null)
                parameters.Add(parameter = new OpenApiParameter { Kind = kind });
            parameter.Name = member.Name;
            parameter.Description = definition.EndpointSummary?.Params.GetValueOrDefault(member.Property.Name);
            parameter.IsRequired = kind is OpenApiParameterKind.Path || rules.IsRequired(definition.ReqDtoType, member.Property.Name);
            parameter.Schema = SchemaOf(member, definition, context);
            parameter.Example = null;
        }

        return true;
    }

    private JsonSchema SchemaOf(RequestParameter member, EndpointDefinition definition, OperationProcessorContext context)
    {
        var type = member.Property.PropertyType;
        var schema = context.SchemaGenerator.Generate(Nullable.GetUnderlyingType(type) ?? type);
        // FastEndpoints reads a value of any other type by the TryParse of the type.
        if (schema.Type is JsonObjectType.None or JsonObjectType.Object)
            schema = new JsonSchema { Type = JsonObjectType.String };
        schema.Title = null;
        rules.Apply(definition.ReqDtoType, member.Property.Name, schema);
        if (member.Location is ParameterLocation.Query && DefaultOf(definition.ReqDtoType, member) is { } value)
            schema.Default = JToken.Parse(JsonSerializer.Serialize(value, JsonConventions.Options));
        return schema;
    }

    private static object? DefaultOf(Type request, RequestParameter member) =>
        request.GetConstructor([]) is null ? null : member.Property.GetValue(Activator.CreateInstance(request));

    private static OpenApiParameterKind KindOf(ParameterLocation location) => location switch
    {
        ParameterLocation.Path => OpenApiParameterKind.Path,
        ParameterLocation.Header => OpenApiParameterKind.Header,
        _ => OpenApiParameterKind.Query,
    };
}
