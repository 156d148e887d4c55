using LlmRing.Shared.Configuration;

namespace LlmRing.Host.Health;

/// <summary>Sets up <c>/health/live</c> and <c>/health/ready</c>.</summary>
internal static class HealthServices
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Adds the host's own checks. A module adds its own the same way: <c>services.AddHealthChecks().AddCheck…</c></summary>
    public static IServiceCollection AddHealth(this IServiceCollection services, IConfiguration configuration)
    {
        var drain = configuration.ReadSettings<DrainSettings>();
        services.AddSingleton(drain)
            .AddSingleton<Draining>()
            .AddHostedService(provider => provider.GetRequiredService<Draining>())
            // What is under way when the drain ends has the usual time.
            .Configure<HostOptions>(host => host.ShutdownTimeout += TimeSpan.FromSeconds(drain.Seconds))
            .AddHealthChecks()
            .AddCheck<DatabaseCheck>("database", timeout: Patience)
            .AddCheck<MigrationsCheck>("migrations", timeout: Patience);
        return services;
    }
}
