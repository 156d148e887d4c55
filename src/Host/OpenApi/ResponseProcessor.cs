using System.Globalization;
using System.Text.Json;
using FastEndpoints.Swagger;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Namotion.Reflection;
using Newtonsoft.Json.Linq;
using NJsonSchema;
using NSwag;
using NSwag.Generation.AspNetCore;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>Adds the errors that the pipeline answers for every endpoint, with their bodies, and orders responses by status.</summary>
internal sealed class ResponseProcessor : IOperationProcessor
{
    public bool Process(OperationProcessorContext context)
    {
        var (definition, operation) = (context.GetEndpointDefinition()!, context.OperationDescription.Operation);
        var isStreamed = ((AspNetCoreOperationProcessorContext)context).ApiDescription.ActionDescriptor.EndpointMetadata
            .OfType<StreamedResponseAttribute>().Any();
        if (definition.AnonymousVerbs is null or { Length: 0 })
        {
            AddError<ErrorBody>(StatusCodes.Status401Unauthorized, "The API key is missing or not accepted.");
            AddError<ErrorBody>(
                StatusCodes.Status429TooManyRequests,
                $"The rate limit of the API key is used up{OtherLimits()}; retry after `Retry-After` seconds.");
        }

        if (operation.Parameters.Any(parameter => parameter.Kind is OpenApiParameterKind.Path))
            AddError<ErrorBody>(StatusCodes.Status404NotFound, "There is no such object in the scope of the caller.");
        if (operation.Parameters.Count > 0)
            AddError<ValidationErrorBody>(StatusCodes.Status422UnprocessableEntity, "The request is not valid: one entry per fault.");

        if (operation.RequestBody is not null)
        {
            AddError<ErrorBody>(StatusCodes.Status408RequestTimeout, "The body arrives too slowly.");
            AddError<ErrorBody>(StatusCodes.Status413PayloadTooLarge, "The body is too large.");
            AddError<ErrorBody>(
                StatusCodes.Status503ServiceUnavailable, "Too many large bodies are under way; retry after `Retry-After` seconds.");
        }

        if (isStreamed)
        {
            AddError<ErrorBody>(
                StatusCodes.Status503ServiceUnavailable, "Too many exports are under way; retry after `Retry-After` seconds.");
        }

        // FastEndpoints.Swagger serializes examples with Newtonsoft.Json, and takes the default of a struct for one.
        foreach (var content in operation.Responses.Values.SelectMany(response => response.Content.Values))
            content.Example = null;
        foreach (var (status, example) in definition.EndpointSummary?.ResponseExamples ?? [])
        {
            foreach (var content in operation.Responses.TryGetValue(Key(status), out var response) ? response.Content.Values : [])
                content.Example = JToken.Parse(JsonSerializer.Serialize(example, JsonConventions.Options));
        }

        var ordered = operation.Responses.OrderBy(response => response.Key, StringComparer.Ordinal).ToList();
        operation.Responses.Clear();
        foreach (var (status, response) in ordered)
            operation.Responses.Add(status, response);
        return true;

        string OtherLimits() => isStreamed ? ", or too many exports of its scope are under way"
            : operation.RequestBody is not null ? ", or too many large bodies of its scope are under way"
            : "";

        void AddError<T>(int status, string description)
        {
            if (!operation.Responses.TryGetValue(Key(status), out var response))
                operation.Responses[Key(status)] = response = new OpenApiResponse();
            response.Description = definition.EndpointSummary?.Responses.GetValueOrDefault(status) ?? description;
            if (response.Content.Count == 0)
            {
                response.Content["application/json"] = new OpenApiMediaType
                {
                    Schema = context.SchemaGenerator
                        .GenerateWithReference<JsonSchema>(typeof(T).ToContextualType(), context.SchemaResolver),
                };
            }
        }
    }

    private static string Key(int status) => status.ToString(CultureInfo.InvariantCulture);
}
