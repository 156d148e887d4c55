using FastEndpoints;
using LlmRing.Shared.Caching;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using ZiggyCreatures.Caching.Fusion;

namespace LlmRing.Host.Health;

/// <summary>GET /health/ready says whether requests should come to this host.</summary>
internal sealed class ReadyEndpoint(HealthCheckService checks, IFusionCache cache, Draining draining) : EndpointWithoutRequest<ReadyResponse>
{
    // Open to anyone: however often it is asked, the database is asked once a second.
    private static readonly FusionCacheEntryOptions ForASecond = new FusionCacheEntryOptions(TimeSpan.FromSeconds(1)).MemoryOnly();

    public override void Configure()
    {
        Get("/health/ready");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Whether requests should come here";
            summary.Description = "The database answers, its schema is up to date, and the server is not about to stop. `checks` has the reasons; what a module objects to is told there, too, and the server is ready all the same.";
            summary.ResponseExamples[StatusCodes.Status200OK] = new ReadyResponse("ready", new Dictionary<string, string> { ["database"] = "ok", ["migrations"] = "ok" });
            summary.Response<ReadyResponse>(StatusCodes.Status503ServiceUnavailable, "Not now.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        if (draining.HasBegun)
        {
            await Send.ResponseAsync(
                new ReadyResponse("not ready", new Dictionary<string, string> { ["server"] = "is about to stop" }), StatusCodes.Status503ServiceUnavailable, ct);
            return;
        }

        var report = await cache.GetOrSetAsync<HealthReport>("health:ready", async (_, token) => await checks.CheckHealthAsync(token), ForASecond, token: ct);
        var reasons = report.Entries.ToDictionary(entry => entry.Key, entry => ReasonOf(entry.Value));
        if (report.Status is HealthStatus.Unhealthy)
            await Send.ResponseAsync(new ReadyResponse("not ready", reasons), StatusCodes.Status503ServiceUnavailable, ct);
        else
            await Send.OkAsync(new ReadyResponse("ready", reasons), ct);
    }

    // The text of an exception may have addresses in it, and anyone may ask.
    private static string ReasonOf(HealthReportEntry entry) => entry switch
    {
        { Status: HealthStatus.Healthy } => "ok",
        { Exception: OperationCanceledException } => "does not answer in time",
        { Exception: null, Description: { } description } => description,
        _ => "does not work",
    };
}

internal sealed record ReadyResponse(string Status, IReadOnlyDictionary<string, string> Checks);
