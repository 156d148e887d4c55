using System.Globalization;
using LlmRing.Modules.Registry.Prices;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>
/// The line of <c>/health/ready</c> that says which prices are in force where they are not the upstream's or not the file's.
/// </summary>
internal sealed class RegistryCheck(RegistryCatalog catalog, OwnPrices own) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var remarks = new List<string>();
        if (catalog.Current?.BundledDate is { } date)
            remarks.Add(
                string.Create(
                    CultureInfo.InvariantCulture, $"bundled price list of {date:yyyy-MM-dd}: the upstream has given no copy yet"));
        if (own.IsFaulty)
            remarks.Add("the file of LLMRING_PRICES has a fault: earlier own prices are in force");
        return Task.FromResult(remarks.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Degraded(string.Join("; ", remarks)));
    }
}
