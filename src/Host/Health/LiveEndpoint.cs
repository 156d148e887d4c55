using FastEndpoints;

namespace LlmRing.Host.Health;

/// <summary>GET /health/live answers 200 while the process runs, with or without its database.</summary>
internal sealed class LiveEndpoint : EndpointWithoutRequest<LiveResponse>
{
    public override void Configure()
    {
        Get("/health/live");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether the process answers";
            summary.Description = "Checks nothing but the process: restart a server that does not answer here.";
        });
    }

    public override Task HandleAsync(CancellationToken ct) => Send.OkAsync(new LiveResponse("alive"), ct);
}

internal sealed record LiveResponse(string Status);
