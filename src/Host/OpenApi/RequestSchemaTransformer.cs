using FastEndpoints;
using LlmRing.Host.Pipeline;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Location = LlmRing.Host.Pipeline.ParameterLocation;

namespace LlmRing.Host.OpenApi;

/// <summary>Takes what does not come from the body out of request schemas, and adds the ranges that validators check.</summary>
internal sealed class RequestSchemaTransformer(EndpointDataSource endpoints, ValidationRules rules) : IOpenApiSchemaTransformer
{
    private readonly Lazy<ILookup<Type, RequestParameter>> _elsewhere = new(() => endpoints.Endpoints
        .Select(endpoint => endpoint.Metadata.GetMetadata<EndpointDefinition>())
        .OfType<EndpointDefinition>()
        .SelectMany(definition => RequestParameter.Of(definition).Select(member => (definition.ReqDtoType, Member: member)))
        .Where(pair => pair.Member.Location is not Location.Body)
        .ToLookup(pair => pair.ReqDtoType, pair => pair.Member));

    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var type = context.JsonTypeInfo.Type;
        if (context.JsonPropertyInfo is null && schema.Properties is { } properties)
        {
            foreach (var member in _elsewhere.Value[type])
            {
                foreach (var name in properties.Keys.Where(name => Bare(name) == Bare(member.Property.Name)).ToList())
                    properties.Remove(name);
            }

            foreach (var property in type.GetProperties())
            {
                if (properties.FirstOrDefault(pair => Bare(pair.Key) == Bare(property.Name)) is not { Key: { } name, Value: OpenApiSchema inner })
                    continue;
                rules.Apply(type, property.Name, inner);
                if (rules.IsRequired(type, property.Name))
                    (schema.Required ??= new HashSet<string>()).Add(name);
            }
        }

        return Task.CompletedTask;
    }

    private static string Bare(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
