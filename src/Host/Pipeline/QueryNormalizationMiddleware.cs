using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Primitives;

namespace LlmRing.Host.Pipeline;

/// <summary>
/// Drops empty query values (<c>?alias=</c> means no alias: the command-line client always sends all names), and refuses the
/// character U+0000, which PostgreSQL cannot store, with a 422.
/// </summary>
internal sealed class QueryNormalizationMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (!context.Request.QueryString.HasValue)
            return next(context);

        var query = context.Request.Query;
        if (query.FirstOrDefault(pair => pair.Value.Any(value => value?.Contains('\0') ?? false)).Key is { } bad)
        {
            context.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
            return context.Response.WriteAsJsonAsync(
                new ValidationErrorBody(
                    [new ValidationError(["query", bad], "A text must not contain the character U+0000.", "value_error")]),
                JsonConventions.Options,
                context.RequestAborted);
        }

        if (query.Any(pair => StringValues.IsNullOrEmpty(pair.Value)))
        {
            context.Request.QueryString = new QueryBuilder(query
                .Where(pair => !StringValues.IsNullOrEmpty(pair.Value))
                .SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value ?? ""))).ToQueryString();
        }

        return next(context);
    }
}
