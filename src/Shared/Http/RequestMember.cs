using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using FastEndpoints;

namespace LlmRing.Shared.Http;

/// <summary>Where a member of a request comes from.</summary>
public enum RequestPlace
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

/// <summary>A member of an endpoint's request, as its callers see it.</summary>
/// <param name="Name">Its name on the wire.</param>
/// <param name="Place">Where it comes from.</param>
/// <param name="Property">The property that it is bound to.</param>
public sealed partial record RequestMember(string Name, RequestPlace Place, PropertyInfo Property)
{
    private static readonly ConcurrentDictionary<EndpointDefinition, IReadOnlyList<RequestMember>> Known = new();

    /// <summary>All members of an endpoint's request.</summary>
    public static IReadOnlyList<RequestMember> Of(EndpointDefinition definition) => Known.GetOrAdd(definition, static definition =>
    {
        var routeParameters = definition.Routes.SelectMany(RouteParameters).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var hasBody = !definition.Verbs.All(verb => verb is "GET" or "HEAD" or "DELETE");
        return definition.ReqDtoType == typeof(EmptyRequest)
            ? []
            : [.. definition.ReqDtoType.GetProperties().Where(property => property.CanWrite).Select(property => Of(property, routeParameters, hasBody))];
    });

    /// <summary><c>/a/{id}/b/{n:int}</c> gives <c>id</c> and <c>n</c>.</summary>
    public static IEnumerable<string> RouteParameters(string route) => RouteParameter().Matches(route).Select(match => match.Groups["name"].Value);

    private static RequestMember Of(PropertyInfo property, HashSet<string> routeParameters, bool hasBody)
    {
        var name = property.GetCustomAttribute<BindFromAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
        if (routeParameters.Contains(name))
            return new RequestMember(name, RequestPlace.Path, property);
        if (routeParameters.Contains(property.Name))
            return new RequestMember(JsonNamingPolicy.CamelCase.ConvertName(property.Name), RequestPlace.Path, property);
        if (property.GetCustomAttribute<FromHeaderAttribute>() is { } header)
            return new RequestMember(header.HeaderName ?? name, RequestPlace.Header, property);
        return new RequestMember(name, !hasBody || property.IsDefined(typeof(QueryParamAttribute)) ? RequestPlace.Query : RequestPlace.Body, property);
    }

    [GeneratedRegex(@"\{\*{0,2}(?<name>\w+)[^}]*\}")]
    private static partial Regex RouteParameter();
}
