using FastEndpoints;

namespace LlmRing.Host.Health;

/// <summary>GET /health answers 200 while the database can be read and written, else 503.</summary>
internal sealed class HealthEndpoint(DatabaseProbe database) : EndpointWithoutRequest<HealthResponse>
{
    public override void Configure()
    {
        Get("/health");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether the server and its database work";
            summary.Response<HealthResponse>(
                StatusCodes.Status503ServiceUnavailable,
                "The database does not answer (`disconnected`) or refuses every write (`standby`).");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var state = await database.GetStateAsync(ct);
        if (state is DatabaseState.Writable)
        {
            await Send.OkAsync(new HealthResponse("healthy", "connected"), ct);
            return;
        }

        var reason = state is DatabaseState.Standby ? "standby" : "disconnected";
        await Send.ResponseAsync(new HealthResponse("unhealthy", reason), StatusCodes.Status503ServiceUnavailable, ct);
    }
}

internal sealed record HealthResponse(string Status, string Database);
