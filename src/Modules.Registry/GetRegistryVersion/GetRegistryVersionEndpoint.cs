using FastEndpoints;
using LlmRing.Modules.Registry.Archive;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Registry.GetRegistryVersion;

/// <summary>GET /registry/v/{version}/registry.json: an archived version of all providers that have it.</summary>
internal sealed class GetRegistryVersionEndpoint(RegistryCatalog catalog, RegistryArchive archive)
    : Endpoint<GetRegistryVersionRequest, RegistryResponse>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/v/{version}/registry.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get an archived version of the model registry";
            summary.Description = """
                The models of every provider whose archive has this version.
                An archived version never changes and may be cached for ever.
                """;
            summary.Response<RegistryResponse>(StatusCodes.Status200OK, "The archived version.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "No provider has this version.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetRegistryVersionRequest request, CancellationToken ct)
    {
        var registry = await catalog.GetAsync(ct);
        await Send.ArchivedAsync(await archive.FindMergedAsync(registry, request.Version), ct);
    }
}

/// <param name="Version">Number of the version.</param>
internal sealed record GetRegistryVersionRequest(int Version);
