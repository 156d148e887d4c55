using FastEndpoints;
using LlmRing.Shared.Caching;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Health;

/// <summary>GET /health/ready answers 200 while a proxy should send requests to this host, else 503.</summary>
internal sealed class ReadyEndpoint(HealthCheckService checks, IFusionCache cache, Draining draining)
    : EndpointWithoutRequest<ReadyResponse>
{
    // The endpoint is public: however often it is called, the checks run once a second.
    private static readonly FusionCacheEntryOptions OneSecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    public override void Configure()
    {
        Get("/health/ready");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether requests should come here";
            summary.Description = """
                The server is ready when the database answers, all migrations are applied and the server is not about to stop.
                `checks` has the result of each check. Redis, the replica and the checks of modules are reported there, but never
                make the server not ready.
                """;
            summary.ResponseExamples[StatusCodes.Status200OK] = new ReadyResponse(
                "ready", new Dictionary<string, string> { ["database"] = "ok", ["migrations"] = "ok", ["redis"] = "ok" });
            summary.Response<ReadyResponse>(StatusCodes.Status503ServiceUnavailable, "The server is not ready; `checks` has the reasons.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        if (draining.HasBegun)
        {
            await Send.ResponseAsync(
                new ReadyResponse("not ready", new Dictionary<string, string> { ["server"] = "is about to stop" }),
                StatusCodes.Status503ServiceUnavailable,
                ct);
            return;
        }

        var report = await cache.GetOrSetAsync<HealthReport>(
            "health:ready", async (_, token) => await checks.CheckHealthAsync(token), OneSecond, token: ct);
        var reasons = report.Entries.ToDictionary(entry => entry.Key, entry => ReasonOf(entry.Value));
        if (report.Status is HealthStatus.Unhealthy)
            await Send.ResponseAsync(new ReadyResponse("not ready", reasons), StatusCodes.Status503ServiceUnavailable, ct);
        else
            await Send.OkAsync(new ReadyResponse("ready", reasons), ct);
    }

    // Without the message of an exception: it may contain addresses, and this answer is public.
    private static string ReasonOf(HealthReportEntry entry) => entry switch
    {
        { Status: HealthStatus.Healthy } => "ok",
        { Exception: OperationCanceledException } => "does not answer in time",
        { Exception: null, Description: { } description } => description,
        _ => "does not work",
    };
}

internal sealed record ReadyResponse(string Status, IReadOnlyDictionary<string, string> Checks);
