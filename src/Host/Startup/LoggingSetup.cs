using LlmRing.Host.Authentication;
using Microsoft.Extensions.Logging.Console;

namespace LlmRing.Host.Startup;

/// <summary>What is logged, and how lines look.</summary>
internal static class LoggingSetup
{
    /// <summary>One line per entry on the console: JSON in production, text for people elsewhere.</summary>
    public static void Configure(ILoggingBuilder logging, ServerEnvironment environment)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        foreach (var library in (string[])["Microsoft", "System", "Npgsql", "FastEndpoints"])
            logging.AddFilter(library, LogLevel.Warning);
        logging.AddFilter("Microsoft.Hosting.Lifetime", environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        // While this category is enabled ASP.NET Core creates an Activity per request, traced or not.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // Duplicate endpoints refuse the start, in a message of our own.
        logging.AddFilter("FastEndpoints.DuplicateHandlerRegistration", LogLevel.None);
        // The handler logs each request without a key at Information.
        logging.AddFilter(typeof(ScopeAuthenticationHandler).FullName!, LogLevel.Warning);
        // FusionCache logs each attempt to reach Redis, at a start even at Error; RedisConnection logs each change of its state once.
        logging.AddFilter("ZiggyCreatures", LogLevel.Critical);
        // The answer of /health/ready contains the reasons.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        // Polly logs each attempt of a resilient HTTP client with a stack trace; the caller logs the outcome in one line.
        logging.AddFilter("Polly", LogLevel.None);
        // ASP.NET Core warns of default keys that this server does not use.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        if (environment is ServerEnvironment.Prod)
            logging.AddConsole(console => console.FormatterName = JsonLogFormatter.FormatterName)
                .AddConsoleFormatter<JsonLogFormatter, ConsoleFormatterOptions>();
        else
            logging.AddLines();
    }

    /// <summary>Writes one readable line per entry to the console.</summary>
    public static ILoggingBuilder AddLines(this ILoggingBuilder logging) => logging
        .AddConsole(console => console.FormatterName = LineLogFormatter.FormatterName)
        .AddConsoleFormatter<LineLogFormatter, ConsoleFormatterOptions>();
}
