using LlmRing.Modules.Otlp.Calls;
using LlmRing.Modules.Otlp.Traces;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Otlp;

/// <summary>
/// Receives traces and logs of OpenTelemetry, and stores each call of a model in them as one usage by <see cref="IUsageLedger"/>,
/// whatever the order of arrival, the split into requests and the number of repeats.
/// </summary>
public sealed class OtlpModule : IModule
{
    /// <inheritdoc/>
    public string Name => "otlp";

    /// <inheritdoc/>
    public string Description => "Receives traces and logs of OpenTelemetry, and logs the LLM calls in them.";

    /// <inheritdoc/>
    public IReadOnlyList<string> Requires => ["usage"];

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration) => services
        .AddSingleton(configuration.ReadSettings<OtlpSettings>())
        .AddSingleton<CallReader>()
        .AddSingleton<TraceStore>()
        .AddHostedService<SpanExpiry>();
}
