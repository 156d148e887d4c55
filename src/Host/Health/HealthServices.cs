using LlmRing.Host.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Sets up <c>/health/live</c> and <c>/health/ready</c>.</summary>
internal static class HealthServices
{
    private const string OfTheHost = "llmring-server";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Adds the host's own checks. A module adds its own the same way: <c>services.AddHealthChecks().AddCheck…</c></summary>
    public static IServiceCollection AddHealth(this IServiceCollection services, IConfiguration configuration, ModuleCatalog catalog)
    {
        var drain = configuration.ReadSettings<DrainSettings>();
        services.AddSingleton(drain)
            .AddSingleton<Draining>()
            .AddHostedService(provider => provider.GetRequiredService<Draining>())
            // What is under way when the drain ends has the usual time.
            .Configure<HostOptions>(host => host.ShutdownTimeout += TimeSpan.FromSeconds(drain.Seconds))
            .PostConfigure<HealthCheckServiceOptions>(Tame)
            .AddHealthChecks()
            .AddCheck<DatabaseCheck>("database", tags: [OfTheHost], timeout: Patience)
            .AddCheck<MigrationsCheck>("migrations", tags: [OfTheHost], timeout: Patience);
        if (catalog.Failed.Count > 0)
        {
            var leftOut = $"left out: {string.Join(", ", catalog.Failed.Select(module => module.Name))}";
            services.AddHealthChecks().AddCheck("modules", () => HealthCheckResult.Degraded(leftOut), tags: [OfTheHost]);
        }

        return services;
    }

    /// <summary>No check of a module keeps the answer of the others back, or takes the host away from its callers.</summary>
    private static void Tame(HealthCheckServiceOptions options)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var check in options.Registrations.OrderByDescending(check => check.Tags.Contains(OfTheHost)).ToList())
        {
            // Of two with one name none would be looked at: the later one gets a number.
            var name = check.Name;
            for (var number = 2; !names.Add(check.Name); number++)
                check.Name = $"{name}-{number}";
            if (check.Tags.Contains(OfTheHost))
                continue;

            check.FailureStatus = HealthStatus.Degraded;
            if (check.Timeout == Timeout.InfiniteTimeSpan)
                check.Timeout = Patience;
            var factory = check.Factory;
            check.Factory = services => new ModuleCheck(services, factory);
        }
    }
}
