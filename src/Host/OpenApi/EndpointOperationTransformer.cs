using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Host.Modules;
using LlmRing.Host.Pipeline;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Modules;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Location = LlmRing.Host.Pipeline.ParameterLocation;
using ParameterLocation = Microsoft.OpenApi.ParameterLocation;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Describes an endpoint of FastEndpoints as an operation. ASP.NET Core's generator knows only its body and its
/// responses; parameters, texts, examples and security come from the endpoint's definition.
/// </summary>
internal sealed class EndpointOperationTransformer(ModuleCatalog catalog, ValidationRules rules) : IOpenApiOperationTransformer
{
    public const string HostTag = "server";

    public async Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        if (context.Description.ActionDescriptor.EndpointMetadata.OfType<EndpointDefinition>().FirstOrDefault() is not { } definition)
            return;

        operation.OperationId = OperationId(definition, context, catalog.Owner(definition.EndpointType));
        operation.Summary = definition.EndpointSummary?.Summary;
        operation.Description = definition.EndpointSummary?.Description;
        operation.Tags = new HashSet<OpenApiTagReference> { new(catalog.Owner(definition.EndpointType)?.Name ?? HostTag, context.Document) };

        var members = RequestParameter.Of(definition);
        operation.Parameters = await ParametersAsync(definition, members, context, cancellationToken);
        if (members.All(member => member.Location is not Location.Body) && !ReadsItsBodyItself(definition, context))
            operation.RequestBody = null;
        else if (definition.EndpointSummary?.RequestExamples.FirstOrDefault()?.Value is { } example)
            AddExample(operation, members, example);

        await AddResponsesAsync(operation, definition, context, cancellationToken);
        if (IsProtected(definition))
            operation.Security = [OpenApiExtensions.RequireKey(context.Document!)];
    }

    /// <summary>An endpoint without a request says by itself what body it reads.</summary>
    private static bool ReadsItsBodyItself(EndpointDefinition definition, OpenApiOperationTransformerContext context) =>
        definition.ReqDtoType == typeof(EmptyRequest)
        && context.Description.ActionDescriptor.EndpointMetadata.OfType<IAcceptsMetadata>().Any(accepts => accepts.RequestType is { } type && type != typeof(EmptyRequest));

    private static bool IsProtected(EndpointDefinition definition) => definition.AnonymousVerbs is null or { Length: 0 };

    /// <summary>The endpoint's name; with a number where it has further routes, with its verb where it has several, with its module where that is not the server's own.</summary>
    private static string OperationId(EndpointDefinition definition, OpenApiOperationTransformerContext context, IModule? owner)
    {
        var name = OpenApiExtensions.PrefixOf(owner) + definition.EndpointType.Name.Replace("Endpoint", "", StringComparison.Ordinal);
        var route = Array.FindIndex(definition.Routes, route => route.Trim('/') == context.Description.RelativePath);
        var verb = definition.Verbs.Length > 1 && context.Description.HttpMethod is { } method && method != definition.Verbs[0]
            ? CultureInfo.InvariantCulture.TextInfo.ToTitleCase(method.ToLowerInvariant())
            : "";
        return JsonNamingPolicy.CamelCase.ConvertName(name) + verb + (route > 0 ? (route + 1).ToString(CultureInfo.InvariantCulture) : "");
    }

    private async Task<IList<IOpenApiParameter>> ParametersAsync(
        EndpointDefinition definition, IReadOnlyList<RequestParameter> members, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var parameters = new List<IOpenApiParameter>();
        foreach (var name in RequestParameter.RouteParameters(context.Description.RelativePath ?? ""))
        {
            var member = members.FirstOrDefault(member => member.Location is Location.Path && member.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
            parameters.Add(new OpenApiParameter
            {
                Name = name,
                In = ParameterLocation.Path,
                Required = true,
                Schema = member is null ? new OpenApiSchema { Type = JsonSchemaType.String } : await SchemaAsync(definition, member, context, cancellationToken),
            });
        }

        foreach (var member in members.Where(member => member.Location is Location.Query or Location.Header))
        {
            parameters.Add(new OpenApiParameter
            {
                Name = member.Name,
                In = member.Location is Location.Query ? ParameterLocation.Query : ParameterLocation.Header,
                Required = rules.IsRequired(definition.ReqDtoType, member.Property.Name),
                Description = definition.EndpointSummary?.Params.GetValueOrDefault(member.Property.Name),
                Schema = await SchemaAsync(definition, member, context, cancellationToken),
            });
        }

        return parameters;
    }

    private async Task<IOpenApiSchema> SchemaAsync(EndpointDefinition definition, RequestParameter member, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var type = Nullable.GetUnderlyingType(member.Property.PropertyType) ?? member.Property.PropertyType;
        if (type.IsEnum)
        {
            return new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. Enum.GetNames(type).Select(name => (JsonNode)JsonNamingPolicy.SnakeCaseLower.ConvertName(name))],
            };
        }

        var schema = (OpenApiSchema)(await context.GetOrCreateSchemaAsync(type, cancellationToken: cancellationToken)).CreateShallowCopy();
        // What is no simple type is read from text by its own TryParse.
        if (schema.Type is JsonSchemaType.Object)
            schema = new OpenApiSchema { Type = JsonSchemaType.String };
        rules.Apply(definition.ReqDtoType, member.Property.Name, schema);
        if (DefaultOf(definition.ReqDtoType, member) is { } value)
            schema.Default = JsonSerializer.SerializeToNode(value, JsonConventions.Options);
        return schema;
    }

    /// <summary>What a request holds for a member that its caller leaves out, where that says something.</summary>
    private static object? DefaultOf(Type request, RequestParameter member) =>
        member.Location is Location.Query && request.GetConstructor([]) is not null
            ? member.Property.GetValue(Activator.CreateInstance(request))
            : null;

    private static void AddExample(OpenApiOperation operation, IReadOnlyList<RequestParameter> members, object example)
    {
        var json = JsonSerializer.SerializeToNode(example, example.GetType(), JsonConventions.Options);
        if (json is JsonObject body)
        {
            foreach (var member in members.Where(member => member.Location is not Location.Body))
                body.Remove(JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Property.Name));
            // An example shows what one would write, not every member that could be there.
            foreach (var (name, _) in body.Where(pair => pair.Value is null).ToList())
                body.Remove(name);
        }

        foreach (var content in operation.RequestBody?.Content?.Values.OfType<OpenApiMediaType>() ?? [])
            content.Example = json;
    }

    private static async Task AddResponsesAsync(
        OpenApiOperation operation, EndpointDefinition definition, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        operation.Responses ??= [];
        if (IsProtected(definition))
        {
            await AddErrorAsync<ErrorBody>("401", "No API key, or none that is accepted.");
            await AddErrorAsync<ErrorBody>("429", "The API key has used up its rate limit, where there is one; come again after `Retry-After` seconds.");
        }

        if (operation.Parameters!.Any(parameter => parameter.In is ParameterLocation.Path))
            await AddErrorAsync<ErrorBody>("404", "There is no such thing in the caller's scope.");
        if (operation.Parameters!.Count > 0 || operation.RequestBody is not null)
            await AddErrorAsync<ValidationErrorBody>("422", "The request is not valid: one entry per fault.");

        foreach (var (status, description) in definition.EndpointSummary?.Responses ?? [])
        {
            if (operation.Responses.TryGetValue(status.ToString(CultureInfo.InvariantCulture), out var response))
                response.Description = description;
        }

        foreach (var (status, example) in definition.EndpointSummary?.ResponseExamples ?? [])
        {
            if (operation.Responses.TryGetValue(status.ToString(CultureInfo.InvariantCulture), out var response)
                && response.Content?.Values.OfType<OpenApiMediaType>().FirstOrDefault() is { } content)
                content.Example = JsonSerializer.SerializeToNode(example, example.GetType(), JsonConventions.Options);
        }

        async Task AddErrorAsync<T>(string status, string description) => operation.Responses.TryAdd(status, new OpenApiResponse
        {
            Description = description,
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["application/json"] = new OpenApiMediaType { Schema = await context.GetOrCreateSchemaAsync(typeof(T), cancellationToken: cancellationToken) },
            },
        });
    }
}
