using System.Text.Json;
using FastEndpoints;
using LlmRing.Shared.Errors;

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
            summary.Description = "As the upstream has it: clients can use this server as their registry.";
            summary.Response<JsonElement>(200, "The provider's file.");
            summary.Response<ErrorBody>(404, "The registry has no such provider.");
            summary.DescribeUnavailable();
        });
    }

    public override async Task HandleAsync(GetProviderModelsRequest req, CancellationToken ct)
    {
        if (await catalog.GetAsync(ct) is not { } registry)
            await Send.UnavailableAsync(ct);
        else if (registry.FindProvider(req.Provider) is { } file)
            await Send.ContentAsync(file, ContentResponses.ForAnHour, ct);
        else if (registry.ProviderNames.Contains(req.Provider))
            await Send.UnavailableAsync(ct);
        else
            await Send.NotFoundAsync("Provider", ct);
    }
}

/// <param name="Provider">Name of the provider, e.g. <c>openai</c>.</param>
internal sealed record GetProviderModelsRequest(string Provider);
