using System.Text.Json;
using FastEndpoints;

namespace LlmRing.Modules.Registry.GetManifest;

/// <summary>GET /registry/manifest.json: the upstream's manifest.</summary>
internal sealed class GetManifestEndpoint(RegistryCatalog catalog) : EndpointWithoutRequest<JsonElement>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/manifest.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get the registry's manifest";
            summary.Description = "As the upstream has it: clients can use this server as their registry.";
            summary.Response<JsonElement>(200, "The manifest.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        if (await catalog.GetAsync(ct) is { } registry)
            await Send.ContentAsync(registry.Manifest, ContentResponses.ForAnHour, ct);
        else
            await Send.UnavailableAsync(ct);
    }
}
