using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastEndpoints;
using FluentValidation.Results;

namespace LlmRing.Shared.Errors;

/// <summary>Turns failures of binding and validation into the entries of a 422.</summary>
public static partial class ValidationErrors
{
    private const string InvalidJson = "json_invalid";

    /// <summary>The failure of a body that is not JSON, or not of the right types. The serializer's own text names CLR types.</summary>
    public static JsonBindException FromJson(JsonException exception)
    {
        var path = exception.Path is { Length: > 1 } found ? found : "$";
        var isForCallers = exception.InnerException is null
            && (exception.Message.StartsWith("A text must", StringComparison.Ordinal)
                || exception.Message.StartsWith("Accepted are", StringComparison.Ordinal));
        var message = isForCallers
            ? exception.Message.Split(" Path:")[0]
            : path is "$"
                ? "The body is not JSON of the expected form."
                : "The value is of the wrong type, out of range or not one of the accepted values.";
        return new JsonBindException(path, message, exception);
    }

    /// <summary>The exception that <see cref="FromJson"/> made, as a failure of validation.</summary>
    /// <exception cref="InvalidOperationException">
    /// The exception does not come from the request: a handler failed to read JSON of another origin, which is a 500.
    /// </exception>
    public static ValidationFailure ToFailure(JsonException exception) => exception is JsonBindException bind
        ? new ValidationFailure(bind.FieldName, bind.FailureMessage) { ErrorCode = InvalidJson }
        : throw new InvalidOperationException("JSON could not be read in a handler.", exception);

    /// <summary>The entries of a part of a body that is answered by itself, such as a line of NDJSON.</summary>
    public static IReadOnlyList<ValidationError> OfBody(IEnumerable<ValidationFailure> failures) =>
        [.. failures.Select(failure => ToError(failure, _ => "body"))];

    /// <summary>The entry of one failure.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="locationOf">
    /// Tells where a parameter comes from, by its name: <c>body</c>, <c>query</c>, <c>path</c> or <c>header</c>.
    /// </param>
    internal static ValidationError ToError(ValidationFailure failure, Func<string, string> locationOf)
    {
        var path = Segments(failure.PropertyName).ToList();
        if (failure.ErrorCode is InvalidJson)
            return new ValidationError(["body", .. path], failure.ErrorMessage, InvalidJson);

        var type = failure.ErrorCode switch
        {
            "NotNullValidator" => "missing",
            null or "" => "type_error",
            _ => "value_error",
        };
        return new ValidationError([path is [string name, ..] ? locationOf(name) : "body", .. path], failure.ErrorMessage, type);
    }

    /// <summary><c>$.messages[2].role</c> and <c>messages[2].role</c> become <c>messages, 2, role</c>.</summary>
    private static IEnumerable<object> Segments(string path) => Segment().Matches(path)
        .Select(match => match.Groups["index"] is { Success: true } index
            ? (object)int.Parse(index.ValueSpan, CultureInfo.InvariantCulture)
            : match.Value.Trim('\''))
        .Where(segment => segment is not "$");

    [GeneratedRegex(@"\[(?<index>\d+)\]|'[^']*'|[^.\[\]']+")]
    private static partial Regex Segment();
}
