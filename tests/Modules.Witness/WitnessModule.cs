using LlmRing.Shared.Configuration;
using LlmRing.Shared.Events;
using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Modules.Witness;

/// <summary>What this module does wrong, if anything: <c>LLMRING_WITNESS</c>.</summary>
internal enum Misconduct
{
    None,
    Constructor,
    AddServices,
    EndpointConfiguration,
    UnknownDependency,
    StartOfService,
    BackgroundWork,
    Stop,
    Setting,
    DuplicateRoute,
}

internal sealed record WitnessSettings
{
    [Setting("WITNESS", "a kind of misconduct, or none")]
    public Misconduct Misconduct { get; init; }
}

/// <summary>A module for tests: repeats what it heard of events, and does whatever a bad module may do.</summary>
public sealed class WitnessModule : IModule
{
    public WitnessModule()
    {
        if (Environment.GetEnvironmentVariable("LLMRING_WITNESS") == nameof(Misconduct.Constructor))
            throw new InvalidOperationException("Thrown by a constructor.");
    }

    public string Name => "witness";

    public string Description => "Repeats what it heard.";

    public string? Schema => "witness";

    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        if (configuration["WITNESS"] == nameof(Misconduct.Constructor))
            return;

        var settings = configuration.ReadSettings<WitnessSettings>();
        services.AddSingleton(settings)
            .AddSingleton<Testimony>()
            .AddEventListener<UsageLogged, Testimony>()
            .AddEventListener<ConversationLogged, Testimony>()
            .AddEventListener<ToolExecuted, Testimony>()
            .AddEventListener<UsageLogged, DeafListener>();
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
            case Misconduct.BackgroundWork:
                services.AddHostedService<FailingWork>();
                break;
            case Misconduct.Stop:
                services.AddHostedService<FailingStop>();
                break;
        }
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

internal sealed class NeedyService(IDisposable nobodyRegistersThis) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        nobodyRegistersThis.Dispose();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
