using FastEndpoints;
using Npgsql;

namespace LlmRing.Host.Health;

/// <summary>GET /health answers 200 while the database answers, else 503.</summary>
internal sealed class HealthEndpoint(NpgsqlDataSource database) : EndpointWithoutRequest<HealthResponse>
{
    private static readonly TimeSpan DatabaseTimeout = TimeSpan.FromSeconds(2);

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
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(DatabaseTimeout);
        try
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteScalarAsync(timeout.Token);
            await Send.OkAsync(new HealthResponse("healthy", "connected"), ct);
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException && !ct.IsCancellationRequested)
        {
            await Send.ResponseAsync(new HealthResponse("unhealthy", "disconnected"), StatusCodes.Status503ServiceUnavailable, ct);
        }
    }
}

internal sealed record HealthResponse(string Status, string Database);
