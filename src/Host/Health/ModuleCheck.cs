using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>
/// Isolates the check of a module: the check may fail to be constructed, block its thread, ignore cancellation or report "unhealthy",
/// and the server stays ready.
/// </summary>
internal sealed class ModuleCheck(IServiceProvider services, Func<IServiceProvider, IHealthCheck> factory) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var check = Task.Run(() => factory(services).CheckHealthAsync(context, cancellationToken), cancellationToken);
        var result = await check.WaitAsync(cancellationToken);
        return result.Status is HealthStatus.Unhealthy
            ? HealthCheckResult.Degraded(result.Description, result.Exception, result.Data)
            : result;
    }
}
