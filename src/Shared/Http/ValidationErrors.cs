using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastEndpoints;
using FluentValidation.Results;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Http;

/// <summary>Turns failures of binding and validation into the body of a 422.</summary>
internal static partial class ValidationErrors
{
    private const string InvalidJson = "json_invalid";

    private static readonly ConcurrentDictionary<EndpointDefinition, FrozenPlaces> PlacesOf = new();

    public static object ToResponse(List<ValidationFailure> failures, HttpContext context, int status)
    {
        var definition = context.GetEndpoint()?.Metadata.GetMetadata<EndpointDefinition>();
        var places = definition is null ? null : PlacesOf.GetOrAdd(definition, FrozenPlaces.Of);
        return status is StatusCodes.Status422UnprocessableEntity
            ? new ValidationErrorResponse(failures.ConvertAll(failure => ToError(failure, places)))
            : new ErrorResponse(string.Join(" ", failures.Select(failure => failure.ErrorMessage)));
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

    public static ValidationFailure ToFailure(JsonException exception) =>
        exception is JsonBindException bind
            ? new ValidationFailure(bind.FieldName, bind.FailureMessage) { ErrorCode = InvalidJson }
            // Not the request's: a handler failed on JSON of somebody else's.
            : throw new InvalidOperationException("JSON could not be read in a handler.", exception);

    private static ValidationError ToError(ValidationFailure failure, FrozenPlaces? places)
    {
        var path = Segments(failure.PropertyName).ToList();
        if (failure.ErrorCode is InvalidJson)
            return new ValidationError(["body", .. path], failure.ErrorMessage, InvalidJson);

        var place = path is [string name, ..] && places is not null ? places.PlaceOf(name) : "body";
        var type = failure.ErrorCode switch
        {
            "NotNullValidator" => "missing",
            null or "" => "type_error",
            _ => "value_error",
        };
        return new ValidationError([place, .. path], failure.ErrorMessage, type);
    }

    /// <summary><c>$.messages[2].role</c> and <c>messages[2].role</c> become <c>messages, 2, role</c>.</summary>
    private static IEnumerable<object> Segments(string path) =>
        Segment().Matches(path).Select(match => match.Groups["index"] is { Success: true } index
            ? (object)int.Parse(index.ValueSpan, System.Globalization.CultureInfo.InvariantCulture)
            : match.Value.Trim('\''))
        .Where(segment => segment is not "$");

    [GeneratedRegex(@"\[(?<index>\d+)\]|'[^']*'|[^.\[\]']+")]
    private static partial Regex Segment();

    /// <summary>Where each member of a request comes from.</summary>
    private sealed record FrozenPlaces(HashSet<string> Path, HashSet<string> Header, HashSet<string> Query, bool QueryOnly)
    {
        public static FrozenPlaces Of(EndpointDefinition definition)
        {
            var members = definition.ReqDtoType.GetProperties();
            return new FrozenPlaces(
                definition.Routes?.SelectMany(RouteParameters.Of).ToHashSet(StringComparer.OrdinalIgnoreCase) ?? [],
                members.Where(member => member.IsDefined(typeof(FromHeaderAttribute))).Select(WireName).ToHashSet(StringComparer.OrdinalIgnoreCase),
                members.Where(member => member.IsDefined(typeof(QueryParamAttribute))).Select(WireName).ToHashSet(StringComparer.OrdinalIgnoreCase),
                definition.Verbs?.All(verb => verb is "GET" or "HEAD" or "DELETE") ?? false);
        }

        public string PlaceOf(string name) =>
            Path.Contains(name) ? "path"
            : Header.Contains(name) ? "header"
            : QueryOnly || Query.Contains(name) ? "query"
            : "body";

        private static string WireName(PropertyInfo member) =>
            member.GetCustomAttribute<FromHeaderAttribute>()?.HeaderName
            ?? member.GetCustomAttribute<BindFromAttribute>()?.Name
            ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(member.Name);
    }
}
