using FastEndpoints;

namespace LlmRing.Host.Health;

/// <summary>GET /health/live says that the process answers, whatever becomes of its database.</summary>
internal sealed class LiveEndpoint : EndpointWithoutRequest<LiveResponse>
{
    public override void Configure()
    {
        Get("/health/live");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether the process answers";
            summary.Description = "Looks at nothing but the process: one that does not answer here should be started again.";
        });
    }

    public override Task HandleAsync(CancellationToken ct) => Send.OkAsync(new LiveResponse("alive"), ct);
}

internal sealed record LiveResponse(string Status);
