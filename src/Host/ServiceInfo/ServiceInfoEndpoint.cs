using FastEndpoints;
using LlmRing.Host.Startup;

namespace LlmRing.Host.ServiceInfo;

/// <summary>GET / says what answers here.</summary>
internal sealed class ServiceInfoEndpoint : EndpointWithoutRequest<ServiceInfoResponse>
{
    public override void Configure()
    {
        Get("/");
        AllowAnonymous();
        Summary(summary => summary.Summary = "What answers here");
    }

    public override Task HandleAsync(CancellationToken ct) => Send.OkAsync(
        new ServiceInfoResponse("LLMRing Server", "llmring-server", LlmRingServer.Version, "healthy", "/docs", "/registry"), ct);
}

internal sealed record ServiceInfoResponse(string Name, string Service, string Version, string Status, string Docs, string Registry);
