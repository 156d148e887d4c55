using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>A module's check, which may be impossible to make, block, ignore that its time is up, or object: the host stays ready.</summary>
internal sealed class ModuleCheck(IServiceProvider services, Func<IServiceProvider, IHealthCheck> factory) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var result = await Task.Run(() => factory(services).CheckHealthAsync(context, cancellationToken), cancellationToken).WaitAsync(cancellationToken);
        return result.Status is HealthStatus.Unhealthy ? HealthCheckResult.Degraded(result.Description, result.Exception, result.Data) : result;
    }
}
