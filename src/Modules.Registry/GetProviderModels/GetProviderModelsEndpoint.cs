using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Registry.Responses;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Registry.GetProviderModels;

/// <summary>GET /registry/{provider}/models.json: a provider's file.</summary>
internal sealed class GetProviderModelsEndpoint(RegistryCatalog catalog) : Endpoint<GetProviderModelsRequest, JsonElement>
{
    public override void Configure()
    {
        Verbs(Http.GET, Http.HEAD);
        Routes("/registry/{provider}/models.json");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Get the models of one provider";
            summary.Description = "Byte for byte as the upstream sent it, so clients can use this server as their registry.";
            summary.Response<JsonElement>(StatusCodes.Status200OK, "The provider's file.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The registry has no such provider.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetProviderModelsRequest request, CancellationToken ct)
    {
        var registry = await catalog.GetAsync(ct);
        if (registry.FindProvider(request.Provider) is { } file)
            await Send.ContentAsync(registry, file, ct);
        else if (registry.ProviderNames.Contains(request.Provider))
            await Send.UnavailableAsync(ct);
        else
            await Send.NotFoundAsync("Provider", ct);
    }
}

/// <param name="Provider">Name of the provider, e.g. <c>openai</c>.</param>
internal sealed record GetProviderModelsRequest(string Provider);
