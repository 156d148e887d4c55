using System.Collections.Concurrent;
using LlmRing.Host.Startup;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Tests;

/// <summary>The lines that a server logs from now on.</summary>
internal sealed class CapturedLog : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<(string? Event, string Text)> _lines = new();

    /// <summary>Begins to capture.</summary>
    public static CapturedLog Of(LlmRingServer server)
    {
        var log = new CapturedLog();
        server.Services.GetRequiredService<ILoggerFactory>().AddProvider(log);
        return log;
    }

    /// <summary>The texts of an event, in order.</summary>
    public IReadOnlyList<string> TextsOf(string @event) => _lines.Where(line => line.Event == @event).Select(line => line.Text).ToList();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Name, formatter(state, exception)));

    public void Dispose()
    {
    }
}
