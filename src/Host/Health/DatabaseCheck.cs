using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Checks that the database answers and can be written to.</summary>
internal sealed class DatabaseCheck(DatabaseProbe database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await database.GetStateAsync(cancellationToken) switch
        {
            DatabaseState.Writable => HealthCheckResult.Healthy(),
            DatabaseState.Standby => HealthCheckResult.Unhealthy("is a standby, which refuses every write"),
            _ => HealthCheckResult.Unhealthy("does not answer"),
        };
}
