using Microsoft.Extensions.Diagnostics.HealthChecks;
using Npgsql;

namespace LlmRing.Host.Health;

/// <summary>Checks that the primary database answers.</summary>
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
            // Without the message of the exception: it contains addresses, and this answer is public.
            return HealthCheckResult.Unhealthy("does not answer");
        }
    }
}
