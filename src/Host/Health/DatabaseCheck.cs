using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace LlmRing.Host.Health;

/// <summary>Whether PostgreSQL answers.</summary>
internal sealed class DatabaseCheck(NpgsqlDataSource database) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await using var command = database.CreateCommand("select 1");
            await command.ExecuteScalarAsync(cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (NpgsqlException)
        {
            // Its text has addresses in it, and anyone may ask.
            return HealthCheckResult.Unhealthy("does not answer");
        }
    }
}
