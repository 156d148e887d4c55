using FastEndpoints;
using LlmRing.Host.Startup;

namespace LlmRing.Host.ServiceInfo;

/// <summary>GET / tells the name and the version of the server.</summary>
internal sealed class ServiceInfoEndpoint : EndpointWithoutRequest<ServiceInfoResponse>
{
    public override void Configure()
    {
        Get("/");
        AllowAnonymous();
        Summary(summary => summary.Summary = "Name and version of the server");
    }

    public override Task HandleAsync(CancellationToken ct) => Send.OkAsync(
        new ServiceInfoResponse("LLMRing Server", "llmring-server", LlmRingServer.Version, "healthy", "/docs", "/registry"), ct);
}

internal sealed record ServiceInfoResponse(string Name, string Service, string Version, string Status, string Docs, string Registry);
