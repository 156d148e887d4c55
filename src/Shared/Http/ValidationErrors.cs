using System.Text.Json;
using System.Text.RegularExpressions;
using FastEndpoints;
using FluentValidation.Results;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Http;

/// <summary>Turns failures of binding and validation into the body of a 422.</summary>
public static partial class ValidationErrors
{
    private const string InvalidJson = "json_invalid";

    internal static object ToResponse(List<ValidationFailure> failures, HttpContext context, int status)
    {
        var members = context.GetEndpoint()?.Metadata.GetMetadata<EndpointDefinition>() is { } definition ? RequestMember.Of(definition) : [];
        return status is StatusCodes.Status422UnprocessableEntity
            ? new ValidationErrorBody(failures.ConvertAll(failure => ToError(failure, members)))
            : new ErrorBody(string.Join(" ", failures.Select(failure => failure.ErrorMessage)));
    }

    /// <summary>The failure of a body that is no JSON, or not of the right types. The serializer's own text names CLR types.</summary>
    public static JsonBindException FromJson(JsonException exception)
    {
        var path = exception.Path is { Length: > 1 } found ? found : "$";
        var message = exception.InnerException is null && exception.Message.StartsWith("A text must", StringComparison.Ordinal)
            ? exception.Message.Split(" Path:")[0]
            : path is "$" ? "The body is not JSON of the expected form." : "The value is of the wrong type, out of range or not one of the accepted values.";
        return new JsonBindException(path, message, exception);
    }

    /// <summary>What <see cref="FromJson"/> made, as a failure of validation.</summary>
    public static ValidationFailure ToFailure(JsonException exception) =>
        exception is JsonBindException bind
            ? new ValidationFailure(bind.FieldName, bind.FailureMessage) { ErrorCode = InvalidJson }
            // Not the request's: a handler failed on JSON of somebody else's.
            : throw new InvalidOperationException("JSON could not be read in a handler.", exception);

    /// <summary>The faults of a part of a body that is answered by itself, such as a line of NDJSON.</summary>
    public static IReadOnlyList<ValidationError> OfBody(IEnumerable<ValidationFailure> failures) => [.. failures.Select(failure => ToError(failure, []))];

    private static ValidationError ToError(ValidationFailure failure, IReadOnlyList<RequestMember> members)
    {
        var path = Segments(failure.PropertyName).ToList();
        if (failure.ErrorCode is InvalidJson)
            return new ValidationError(["body", .. path], failure.ErrorMessage, InvalidJson);

        var member = path is [string name, ..] ? members.FirstOrDefault(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) : null;
        var type = failure.ErrorCode switch
        {
            "NotNullValidator" => "missing",
            null or "" => "type_error",
            _ => "value_error",
        };
        return new ValidationError([PlaceName(member?.Place), .. path], failure.ErrorMessage, type);
    }

    private static string PlaceName(RequestPlace? place) => place switch
    {
        RequestPlace.Path => "path",
        RequestPlace.Query => "query",
        RequestPlace.Header => "header",
        _ => "body",
    };

    /// <summary><c>$.messages[2].role</c> and <c>messages[2].role</c> become <c>messages, 2, role</c>.</summary>
    private static IEnumerable<object> Segments(string path) =>
        Segment().Matches(path).Select(match => match.Groups["index"] is { Success: true } index
            ? (object)int.Parse(index.ValueSpan, System.Globalization.CultureInfo.InvariantCulture)
            : match.Value.Trim('\''))
        .Where(segment => segment is not "$");

    [GeneratedRegex(@"\[(?<index>\d+)\]|'[^']*'|[^.\[\]']+")]
    private static partial Regex Segment();
}
