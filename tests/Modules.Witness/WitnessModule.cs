using Humanizer;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Modules.Witness;

/// <summary>The fault that <c>LLMRING_WITNESS</c> makes this module have.</summary>
internal enum Misconduct
{
    None,
    Constructor,
    Naming,
    AddServices,
    EndpointConfiguration,
    UnknownDependency,
    StartOfService,
    Options,
    BackgroundWork,
    Stop,
    Setting,
    DuplicateRoute,
    SameRoute,
    Checks,
    Retention,
    UnknownDependencyOfRetention,
    PriceListener,
    BlockingListener,
    ThrowingExample,
    SamePathInDocument,
}

internal sealed record WitnessSettings
{
    [Setting("WITNESS", "a kind of misconduct, or none")]
    public Misconduct Misconduct { get; init; }
}

/// <summary>A module for tests: repeats the events that it received, and has any fault that a module may have.</summary>
public sealed class WitnessModule : IModule
{
    private static readonly string? Early = Environment.GetEnvironmentVariable("LLMRING_WITNESS");

    public WitnessModule()
    {
        if (Early == nameof(Misconduct.Constructor))
            throw new InvalidOperationException("Thrown by a constructor.");
    }

    public string Name => Early == nameof(Misconduct.Naming) ? throw new InvalidOperationException("Thrown by a name.") : "witness";

    public string Description => "Repeats what it heard.";

    public string? Schema => "witness";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        var settings = configuration.ReadSettings<WitnessSettings>();
        services.AddSingleton(settings)
            .AddSingleton(new Testimony("one".Pascalize()))
            .AddEventListener<UsageLogged, Testimony>()
            .AddEventListener<ConversationLogged, Testimony>()
            .AddEventListener<ToolExecuted, Testimony>()
            .AddEventListener<UsageLogged, FailingListener>();
        WitnessEndpoint.Misconduct = settings.Misconduct;
        switch (settings.Misconduct)
        {
            case Misconduct.AddServices:
                throw new InvalidOperationException("Thrown by AddServices.");
            case Misconduct.UnknownDependency:
                services.AddHostedService<NeedyService>();
                break;
            case Misconduct.StartOfService:
                services.AddHostedService<FailingStart>();
                break;
            case Misconduct.Options:
                services.AddOptions<HostOptions>("witness").Validate(_ => false, "Never valid.").ValidateOnStart();
                break;
            case Misconduct.BackgroundWork:
                services.AddHostedService<FailingWork>();
                break;
            case Misconduct.Stop:
                services.AddHostedService<FailingStop>();
                break;
            case Misconduct.Checks:
                services.AddHealthChecks()
                    .AddCheck("throws", () => throw new InvalidOperationException("secret-address"))
                    .AddCheck("unhealthy", () => HealthCheckResult.Unhealthy("objects"))
                    .AddAsyncCheck("hangs", HangAsync)
                    .AddCheck("blocks", Block)
                    .AddCheck<NeedyCheck>("needy")
                    .AddCheck("database", () => HealthCheckResult.Healthy());
                break;
            case Misconduct.Retention:
                services.AddSingleton<IRetentionPolicy, FailingRetention>();
                break;
            case Misconduct.UnknownDependencyOfRetention:
                services.AddSingleton<IRetentionPolicy, NeedyRetention>();
                break;
            case Misconduct.PriceListener:
                services.AddHostedService<FailingPriceListener>();
                break;
            case Misconduct.BlockingListener:
                services.AddEventListener<UsageLogged, BlockingListener>();
                break;
        }
    }

    private static async Task<HealthCheckResult> HangAsync()
    {
        await Task.Delay(Timeout.Infinite);
        return default;
    }

    private static HealthCheckResult Block()
    {
        Thread.Sleep(Timeout.Infinite);
        return default;
    }
}

internal sealed class FailingStart : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("Thrown by the start of a service.");

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

internal sealed class FailingStop : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("Thrown by the stop of a service.");
}

internal sealed class FailingWork : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => throw new InvalidOperationException("Thrown by background work.");
}

internal sealed class FailingRetention : IRetentionPolicy
{
    public bool RunsDaily => true;

    public Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken) => throw new InvalidOperationException("Thrown by a retention.");
}

internal sealed class FailingPriceListener(IModelPrices prices) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        prices.Changed += () => throw new InvalidOperationException("Thrown by a listener of prices.");
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

internal sealed class NeedyService(IDisposable unregistered) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        unregistered.Dispose();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

internal sealed class NeedyCheck(IDisposable unregistered) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        unregistered.Dispose();
        return Task.FromResult(HealthCheckResult.Healthy());
    }
}

internal sealed class NeedyRetention(IDisposable unregistered) : IRetentionPolicy
{
    public bool RunsDaily => false;

    public Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        unregistered.Dispose();
        return Task.FromResult("");
    }
}
