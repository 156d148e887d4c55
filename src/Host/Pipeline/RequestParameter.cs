using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastEndpoints;

namespace LlmRing.Host.Pipeline;

/// <summary>The part of a request that holds a member.</summary>
internal enum ParameterLocation
{
    /// <summary>The JSON body.</summary>
    Body,

    /// <summary>The query.</summary>
    Query,

    /// <summary>The route.</summary>
    Path,

    /// <summary>A header.</summary>
    Header,
}

/// <summary>A member of an endpoint's request as callers see it.</summary>
/// <param name="Name">Name on the wire.</param>
/// <param name="Location">The part of the request that holds it.</param>
/// <param name="Property">The bound property of the request type.</param>
internal sealed partial record RequestParameter(string Name, ParameterLocation Location, PropertyInfo Property)
{
    private static readonly ConcurrentDictionary<EndpointDefinition, IReadOnlyList<RequestParameter>> Known = new();

    /// <summary>All members of an endpoint's request.</summary>
    public static IReadOnlyList<RequestParameter> Of(EndpointDefinition definition) => Known.GetOrAdd(definition, static definition =>
    {
        var routeParameters = definition.Routes.SelectMany(RouteParameters).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var hasBody = !definition.Verbs.All(verb => verb is "GET" or "HEAD" or "DELETE");
        return definition.ReqDtoType == typeof(EmptyRequest)
            ? []
            :
            [
                .. definition.ReqDtoType.GetProperties()
                    .Where(property => property.CanWrite)
                    .Select(property => Of(property, routeParameters, hasBody)),
            ];
    });

    /// <summary><c>/a/{id}/b/{n:int}</c> gives <c>id</c> and <c>n</c>.</summary>
    public static IEnumerable<string> RouteParameters(string route) =>
        RouteParameter().Matches(route).Select(match => match.Groups["name"].Value);

    private static RequestParameter Of(PropertyInfo property, HashSet<string> routeParameters, bool hasBody)
    {
        var name = property.GetCustomAttribute<BindFromAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
        if (routeParameters.Contains(name))
            return new RequestParameter(name, ParameterLocation.Path, property);
        if (routeParameters.Contains(property.Name))
            return new RequestParameter(JsonNamingPolicy.CamelCase.ConvertName(property.Name), ParameterLocation.Path, property);
        if (property.GetCustomAttribute<FromHeaderAttribute>() is { } header)
            return new RequestParameter(header.HeaderName ?? name, ParameterLocation.Header, property);
        return new RequestParameter(
            name, !hasBody || property.IsDefined(typeof(QueryParamAttribute)) ? ParameterLocation.Query : ParameterLocation.Body, property);
    }

    [GeneratedRegex(@"\{\*{0,2}(?<name>\w+)[^}]*\}")]
    private static partial Regex RouteParameter();
}
