using FastEndpoints;

namespace LlmRing.Modules.Registry.GetRegistry;

/// <summary>GET /registry: all models of all providers.</summary>
internal sealed class GetRegistryEndpoint(RegistryCatalog catalog) : Endpoint<GetRegistryRequest, RegistryResponse>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry", "/registry.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get the model registry";
            summary.Description = "All models with every member that the upstream registry has. Answers carry a strong ETag of what is served; send it as If-None-Match to get 304.";
            summary.RequestParam(request => request.Providers, "Names of providers, separated by commas: only their models.");
            summary.RequestParam(request => request.Capabilities, "`vision`, `function_calling`, `json_mode`, `parallel_tool_calls` or any boolean member's name, separated by commas: only models that have all.");
            summary.Response<RegistryResponse>(200, "The registry, or the part of it that was asked for.");
            summary.Response(304, "The copy that If-None-Match names is current.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetRegistryRequest req, CancellationToken ct)
    {
        if (await catalog.GetAsync(ct) is not { } registry)
        {
            await Send.UnavailableAsync(ct);
            return;
        }

        var content = req is { Providers: null, Capabilities: null }
            ? registry.All
            : registry.Filter(Names("providers"), Names("capabilities"));
        await Send.ContentAsync(content, ContentResponses.ForAnHour, ct);
    }

    // A name given several times is a list as one with commas is.
    private HashSet<string> Names(string parameter) => HttpContext.Request.Query[parameter].ToString()
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .ToHashSet(StringComparer.Ordinal);
}

internal sealed record GetRegistryRequest
{
    [QueryParam]
    public string? Providers { get; init; }

    [QueryParam]
    public string? Capabilities { get; init; }
}
