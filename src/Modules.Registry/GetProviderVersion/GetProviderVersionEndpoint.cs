using System.Text.Json;
using FastEndpoints;
using LlmRing.Shared.Errors;

namespace LlmRing.Modules.Registry.GetProviderVersion;

/// <summary>GET /registry/{provider}/v/{version}/models.json: an archived version of a provider's file.</summary>
internal sealed class GetProviderVersionEndpoint(RegistryCatalog catalog, RegistryArchive archive) : Endpoint<GetProviderVersionRequest, JsonElement>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/{provider}/v/{version}/models.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get an archived version of one provider's models";
            summary.Description = "As the upstream has it. It never changes and may be cached for ever.";
            summary.Response<JsonElement>(200, "The archived file.");
            summary.Response<ErrorBody>(404, "The registry has no such provider, or its archive no such version.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetProviderVersionRequest req, CancellationToken ct)
    {
        if (await catalog.GetAsync(ct) is not { } registry)
            await Send.UnavailableAsync(ct);
        else
            await Send.ArchivedAsync(await archive.FindAsync(registry, req.Provider, req.Version), ct);
    }
}

/// <param name="Provider">Name of the provider, e.g. <c>openai</c>.</param>
/// <param name="Version">Number of the version.</param>
internal sealed record GetProviderVersionRequest(string Provider, int Version);
