using LlmRing.Host.Modules;
using LlmRing.Host.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LlmRing.Host.Health;

/// <summary>Registers the checks of <c>/health/ready</c> and the drain.</summary>
internal static class HealthServices
{
    private const string HostTag = "llmring-server";

    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Adds the checks of the host. A module adds its own in the same way: <c>services.AddHealthChecks().AddCheck…</c></summary>
    public static IServiceCollection AddHealth(this IServiceCollection services, IConfiguration configuration, ModuleCatalog catalog)
    {
        var drain = configuration.ReadSettings<DrainSettings>();
        services.AddSingleton(drain)
            .AddSingleton<DatabaseProbe>()
            .AddSingleton<Draining>()
            .AddHostedService(provider => provider.GetRequiredService<Draining>())
            // Requests that run when the drain ends still have the default shutdown timeout.
            .Configure<HostOptions>(host => host.ShutdownTimeout += TimeSpan.FromSeconds(drain.Seconds))
            .PostConfigure<HealthCheckServiceOptions>(IsolateModuleChecks)
            .AddHealthChecks()
            .AddCheck<DatabaseCheck>("database", tags: [HostTag], timeout: CheckTimeout)
            .AddCheck<MigrationsCheck>("migrations", tags: [HostTag], timeout: CheckTimeout)
            .AddCheck<RedisCheck>("redis", HealthStatus.Degraded, tags: [HostTag], timeout: CheckTimeout);
        if (configuration.ReadSettings<DatabaseSettings>().ReadUrl is not null)
            services.AddHealthChecks().AddCheck<ReplicaCheck>("replica", HealthStatus.Degraded, tags: [HostTag], timeout: CheckTimeout);
        if (catalog.Failed.Count > 0)
        {
            var leftOut = $"left out: {string.Join(", ", catalog.Failed.Select(module => module.Name))}";
            services.AddHealthChecks().AddCheck("modules", () => HealthCheckResult.Degraded(leftOut), tags: [HostTag]);
        }

        return services;
    }

    /// <summary>Keeps checks of modules from delaying the answer beyond their timeout and from making the server not ready.</summary>
    private static void IsolateModuleChecks(HealthCheckServiceOptions options)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var check in options.Registrations.OrderByDescending(check => check.Tags.Contains(HostTag)).ToList())
        {
            // Duplicate names make the whole health report throw: later ones get a number.
            var name = check.Name;
            for (var number = 2; !names.Add(check.Name); number++)
                check.Name = $"{name}-{number}";
            if (check.Tags.Contains(HostTag))
                continue;

            check.FailureStatus = HealthStatus.Degraded;
            if (check.Timeout == Timeout.InfiniteTimeSpan)
                check.Timeout = CheckTimeout;
            var factory = check.Factory;
            check.Factory = services => new ModuleCheck(services, factory);
        }
    }
}
