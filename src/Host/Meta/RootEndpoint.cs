using FastEndpoints;

namespace LlmRing.Host.Meta;

/// <summary>GET / says what answers here.</summary>
internal sealed class RootEndpoint : EndpointWithoutRequest<RootResponse>
{
    public override void Configure()
    {
        Get("/");
        AllowAnonymous();
        Summary(summary => summary.Summary = "What answers here");
    }

    public override Task HandleAsync(CancellationToken ct) => Send.OkAsync(
        new RootResponse("LLMRing Server", "llmring-server", LlmRingServer.Version, "healthy", "/docs", "/registry"), ct);
}

internal sealed record RootResponse(string Name, string Service, string Version, string Status, string Docs, string Registry);
