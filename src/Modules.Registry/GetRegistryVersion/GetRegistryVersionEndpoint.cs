using FastEndpoints;
using LlmRing.Shared.Errors;

namespace LlmRing.Modules.Registry.GetRegistryVersion;

/// <summary>GET /registry/v/{version}/registry.json: an archived version of all providers that have it.</summary>
internal sealed class GetRegistryVersionEndpoint(RegistryCatalog catalog, RegistryArchive archive) : Endpoint<GetRegistryVersionRequest, RegistryResponse>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/v/{version}/registry.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get an archived version of the model registry";
            summary.Description = "The models of every provider whose archive has this version. It never changes and may be cached for ever.";
            summary.Response<RegistryResponse>(200, "The archived version.");
            summary.Response<ErrorBody>(404, "No provider has this version.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetRegistryVersionRequest req, CancellationToken ct)
    {
        if (await catalog.GetAsync(ct) is not { } registry)
            await Send.UnavailableAsync(ct);
        else
            await Send.ArchivedAsync(await archive.FindMergedAsync(registry, req.Version), ct);
    }
}

/// <param name="Version">Number of the version.</param>
internal sealed record GetRegistryVersionRequest(int Version);
