using LlmRing.Host.Caching;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Reports whether Redis is connected. Redis is optional, so the server is ready without it.</summary>
internal sealed class RedisCheck(RedisConnection redis) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var multiplexer = await redis.GetAsync().WaitAsync(cancellationToken);
        return multiplexer.IsConnected ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded("not reachable: cached in memory only");
    }
}
