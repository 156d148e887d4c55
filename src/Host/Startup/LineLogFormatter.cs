using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace LlmRing.Host.Startup;

/// <summary>
/// Writes a log entry as one line for people: <c>09:41:07 warn: category[event] message</c>. Unlike the formatter of the framework it
/// escapes control characters, so that no text of a stranger forges a line or steers a terminal.
/// </summary>
internal sealed class LineLogFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "llmring-lines";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var clock = time.GetLocalNow().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        var text = logEntry.Exception is { } exception ? $"{message} {exception}" : message;
        var line = ControlCharacters.Escape(text.ReplaceLineEndings(" "));
        textWriter.WriteLine($"{clock} {NameOf(logEntry.LogLevel)}: {logEntry.Category}[{logEntry.EventId.Name}] {line}");
    }

    private static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce",
        LogLevel.Debug => "dbug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "fail",
        _ => "crit",
    };
}
