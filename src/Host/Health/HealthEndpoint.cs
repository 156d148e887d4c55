using FastEndpoints;

namespace LlmRing.Host.Health;

/// <summary>GET /health answers 200 while the database answers, else 503.</summary>
internal sealed class HealthEndpoint(DatabaseProbe database) : EndpointWithoutRequest<HealthResponse>
{
    public override void Configure()
    {
        Get("/health");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether the server and its database work";
            summary.Response<HealthResponse>(StatusCodes.Status503ServiceUnavailable, "The database does not answer.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        if (await database.AnswersAsync(ct))
            await Send.OkAsync(new HealthResponse("healthy", "connected"), ct);
        else
            await Send.ResponseAsync(new HealthResponse("unhealthy", "disconnected"), StatusCodes.Status503ServiceUnavailable, ct);
    }
}

internal sealed record HealthResponse(string Status, string Database);
