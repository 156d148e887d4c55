using LlmRing.Host.Migrations;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace LlmRing.Host.Health;

/// <summary>Checks that all migrations are applied. They were at start, but an older backup may have been restored since.</summary>
internal sealed class MigrationsCheck(DatabaseMigrator migrator) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var pending = (await migrator.GetStatusAsync(cancellationToken)).FirstOrDefault(state => state.AppliedAt is null);
            return pending is null
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy($"pending: {pending.Module}/{pending.Script}");
        }
        catch (NpgsqlException)
        {
            return HealthCheckResult.Unhealthy("cannot be read");
        }
    }
}
