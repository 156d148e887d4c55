using LlmRing.Shared.Postgres;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Reports whether reads go to the replica. Without it they go to the primary, so the server is ready all the same.</summary>
internal sealed class ReplicaCheck(ReadReplica replica) : IHealthCheck
{
    // The reason is in the log only: it may contain addresses, and this answer is public.
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(replica.IsHealthy
            ? HealthCheckResult.Healthy()
            : HealthCheckResult.Degraded("not read from: reads go to the primary"));
}
