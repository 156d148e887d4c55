using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using Microsoft.AspNetCore.Http;

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
            summary.Description = "Byte for byte as the upstream sent it, so clients can use this server as their registry.";
            summary.Response<JsonElement>(StatusCodes.Status200OK, "The manifest.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var registry = await catalog.GetAsync(ct);
        await Send.ContentAsync(registry, registry.Manifest, ct);
    }
}
