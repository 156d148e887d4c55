using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Registry.Archive;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Registry.GetProviderVersion;

/// <summary>GET /registry/{provider}/v/{version}/models.json: an archived version of a provider's file.</summary>
internal sealed class GetProviderVersionEndpoint(RegistryCatalog catalog, RegistryArchive archive)
    : Endpoint<GetProviderVersionRequest, JsonElement>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/{provider}/v/{version}/models.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get an archived version of one provider's models";
            summary.Description = "Byte for byte as the upstream sent it. An archived version never changes and may be cached for ever.";
            summary.Response<JsonElement>(StatusCodes.Status200OK, "The archived file.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound, "The registry has no such provider, or the archive has no such version.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetProviderVersionRequest request, CancellationToken ct)
    {
        var registry = await catalog.GetAsync(ct);
        await Send.ArchivedAsync(await archive.FindAsync(registry, request.Provider, request.Version), ct);
    }
}

/// <param name="Provider">Name of the provider, e.g. <c>openai</c>.</param>
/// <param name="Version">Number of the version.</param>
internal sealed record GetProviderVersionRequest(string Provider, int Version);
