using FastEndpoints.Swagger;
using NSwag.Generation.AspNetCore;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Documents each endpoint once per verb, under its first route: further routes are aliases, and HEAD is implied by GET.
/// Runs first, so that the other processors see endpoints of FastEndpoints only.
/// </summary>
internal sealed class FirstRouteFilter : IOperationProcessor
{
    public bool Process(OperationProcessorContext context)
    {
        var route = ((AspNetCoreOperationProcessorContext)context).ApiDescription.RelativePath;
        return context.GetEndpointDefinition() is { } definition
            && context.OperationDescription.Method is not "head"
            && definition.Routes.Skip(1).All(alias => alias.Trim('/') != route);
    }
}
