using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Checks that the primary database answers.</summary>
internal sealed class DatabaseCheck(DatabaseProbe database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await database.AnswersAsync(cancellationToken) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("does not answer");
}
