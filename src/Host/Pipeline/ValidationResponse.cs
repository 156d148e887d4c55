using FastEndpoints;
using FluentValidation.Results;
using LlmRing.Shared.Errors;

namespace LlmRing.Host.Pipeline;

/// <summary>Makes the body of an answer to a request that failed binding or validation.</summary>
internal static class ValidationResponse
{
    /// <summary>The body of a 422 with one entry per failure; of another status with one text.</summary>
    public static object Create(List<ValidationFailure> failures, HttpContext context, int status)
    {
        if (status is not StatusCodes.Status422UnprocessableEntity)
            return new ErrorBody(string.Join(" ", failures.Select(failure => failure.ErrorMessage)));

        var parameters = context.GetEndpoint()?.Metadata.GetMetadata<EndpointDefinition>() is { } definition
            ? RequestParameter.Of(definition)
            : [];
        return new ValidationErrorBody(failures.ConvertAll(failure => ValidationErrors.ToError(failure, LocationOf)));

        string LocationOf(string name) => FindByName(parameters, name)?.Location switch
        {
            ParameterLocation.Path => "path",
            ParameterLocation.Query => "query",
            ParameterLocation.Header => "header",
            _ => "body",
        };
    }

    private static RequestParameter? FindByName(IReadOnlyList<RequestParameter> parameters, string name) =>
        parameters.FirstOrDefault(parameter => parameter.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
