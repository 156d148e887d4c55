using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace LlmRing.Host.Startup;

/// <summary>
/// Writes a log entry as one line of JSON. Unlike the formatter of the framework it writes the name of the event, which alerts
/// are built on.
/// </summary>
internal sealed class JsonLogFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "llmring-json";

    // HTML escaping is off: the log is never embedded in a page.
    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var line = new Dictionary<string, object?>
        {
            ["Timestamp"] = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            ["LogLevel"] = logEntry.LogLevel.ToString(),
            ["Event"] = logEntry.EventId.Name,
            ["Category"] = logEntry.Category,
            ["Message"] = logEntry.Formatter(logEntry.State, logEntry.Exception),
        };
        if (logEntry.Exception is { } exception)
            line["Exception"] = exception.ToString();
        if (logEntry.State is IReadOnlyList<KeyValuePair<string, object?>> values)
        {
            // The template repeats the message.
            foreach (var (name, value) in values.Where(value => value.Key is not "{OriginalFormat}"))
                line[name] = value?.ToString();
        }

        textWriter.WriteLine(JsonSerializer.Serialize(line, Unescaped));
    }
}
