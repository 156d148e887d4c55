using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace LlmRing.Shared.Events;

/// <summary>Registers events and their listeners.</summary>
public static class EventServices
{
    /// <summary>
    /// Adds <see cref="IEvents"/>. Before the services of modules: it is then stopped after them, with what they published last.
    /// </summary>
    internal static IServiceCollection AddEvents(this IServiceCollection services) => services
        .AddSingleton<EventMetrics>()
        .AddSingleton<EventDispatcher>()
        .AddSingleton<IEvents>(provider => provider.GetRequiredService<EventDispatcher>())
        .AddHostedService(provider => provider.GetRequiredService<EventDispatcher>());

    /// <summary>
    /// Lets a listener listen to events of a kind, on a queue of its own: neither slow nor failing ones are in each other's way.
    /// </summary>
    public static IServiceCollection AddEventListener<TEvent, TListener>(this IServiceCollection services)
        where TEvent : class
        where TListener : class, IEventListener<TEvent>
    {
        services.TryAddSingleton<TListener>();
        return services.AddSingleton<IEventQueue, EventQueue<TEvent, TListener>>();
    }
}
