using LlmRing.Host.Migrations;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace LlmRing.Host.Health;

/// <summary>Whether the schema is what this program needs: it was at start, but somebody may have restored an older one since.</summary>
internal sealed class MigrationsCheck(DatabaseMigrator migrator) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            var pending = (await migrator.GetStatusAsync(cancellationToken)).FirstOrDefault(state => state.AppliedAt is null);
            return pending is null ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy($"pending: {pending.Module}/{pending.Script}");
        }
        catch (NpgsqlException)
        {
            return HealthCheckResult.Unhealthy("cannot be read");
        }
    }
}
