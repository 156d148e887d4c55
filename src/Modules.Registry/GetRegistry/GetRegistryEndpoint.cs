using FastEndpoints;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using Microsoft.AspNetCore.Http;

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
            summary.Description = """
                All models with every member that the upstream registry has.
                Each answer carries a strong ETag; send it as If-None-Match to get 304 while the content is the same.
                Until the upstream has given a first copy, the answer is the price list of this version of the server, and the header
                `X-LLMRing-Registry: bundled; date=…` says so.
                """;
            summary.RequestParam(
                request => request.Providers, "Names of providers, separated by commas: only the models of these providers.");
            summary.RequestParam(request => request.Capabilities, """
                `vision`, `function_calling`, `json_mode`, `parallel_tool_calls` or the name of any boolean member,
                separated by commas: only models that have all of them.
                """);
            summary.Response<RegistryResponse>(StatusCodes.Status200OK, "The registry, or the models that the filters keep.");
            summary.Response(StatusCodes.Status304NotModified, "The content is the one that If-None-Match names.");
        });
    }

    public override async Task HandleAsync(GetRegistryRequest request, CancellationToken ct)
    {
        var registry = await catalog.GetAsync(ct);
        var content = request is { Providers: null, Capabilities: null }
            ? registry.All
            : registry.Filter(Split(request.Providers), Split(request.Capabilities));
        await Send.ContentAsync(registry, content, ct);
    }

    private static HashSet<string> Split(string? names) => (names ?? "")
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .ToHashSet(StringComparer.Ordinal);
}

/// <summary>Filters of the registry. A parameter that is sent several times is bound as one list with commas.</summary>
internal sealed record GetRegistryRequest
{
    [QueryParam]
    public string? Providers { get; init; }

    [QueryParam]
    public string? Capabilities { get; init; }
}
