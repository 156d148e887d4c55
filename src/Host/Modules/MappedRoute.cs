using System.Text;
using FastEndpoints;
using Microsoft.AspNetCore.Routing.Patterns;

namespace LlmRing.Host.Modules;

/// <summary>A verb and a path, and the endpoint class that they are mapped to.</summary>
internal sealed record MappedRoute(string Verb, string Path, Type Endpoint)
{
    /// <summary>The path without the names of its parameters: two routes of one shape match the same requests.</summary>
    private string? Shape { get; init; }

    /// <summary>All routes of endpoint classes.</summary>
    public static IEnumerable<MappedRoute> Of(IEndpointRouteBuilder application) => application.DataSources
        .SelectMany(source => source.Endpoints)
        .OfType<RouteEndpoint>()
        .SelectMany(endpoint => endpoint.Metadata.GetMetadata<EndpointDefinition>() is { } definition
            ? definition.Verbs.Select(verb => new MappedRoute(verb, endpoint.RoutePattern.RawText!, definition.EndpointType)
            {
                Shape = ShapeOf(endpoint.RoutePattern),
            })
            : [])
        // FastEndpoints maps an endpoint of several verbs once for each of them.
        .Distinct();

    /// <summary>The first routes that match the same requests; null where there are none.</summary>
    public static IReadOnlyList<MappedRoute>? FindDuplicates(IEndpointRouteBuilder application) => Of(application)
        .GroupBy(route => (route.Verb, route.Shape))
        .FirstOrDefault(group => group.Count() > 1)?
        .ToList();

    public override string ToString() => $"{Verb} {Path}";

    private static string ShapeOf(RoutePattern pattern)
    {
        var shape = new StringBuilder();
        foreach (var segment in pattern.PathSegments)
        {
            shape.Append('/');
            foreach (var part in segment.Parts)
            {
                if (part is RoutePatternParameterPart parameter)
                {
                    shape.Append('{').Append(parameter.IsCatchAll ? "*" : "")
                        .AppendJoin(':', parameter.ParameterPolicies.Select(policy => policy.Content)).Append('}');
                }
                else
                {
                    shape.Append(
                        (part as RoutePatternLiteralPart)?.Content.ToLowerInvariant() ?? ((RoutePatternSeparatorPart)part).Content);
                }
            }
        }

        return shape.ToString();
    }
}
