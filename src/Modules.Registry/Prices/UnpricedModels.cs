using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>Reports models without a price: each look-up in a counter, each new name once in the log.</summary>
internal sealed partial class UnpricedModels(IMeterFactory meters, ILogger<UnpricedModels> logger)
{
    /// <summary>Names beyond these are only counted, so that callers can fill neither the memory nor the log with invented names.</summary>
    private const int MaxNames = 1_000;

    private readonly ConcurrentDictionary<(string Provider, string Model), bool> _names = new();
    private readonly Counter<long> _lookups = meters.Create("LlmRing.Pricing").CreateCounter<long>(
        "llmring.pricing.unpriced", "{lookup}", "Look-ups of models that no price list has, by provider");

    /// <summary>Reports a look-up without result.</summary>
    /// <param name="provider">The provider as given.</param>
    /// <param name="model">The model as given.</param>
    /// <param name="knownProviders">The providers, in lower case, that label the counter by name; all others are <c>other</c>.</param>
    public void Report(string provider, string model, IReadOnlyList<string> knownProviders)
    {
        var label = provider.ToLowerInvariant();
        _lookups.Add(1, new KeyValuePair<string, object?>("provider", knownProviders.Contains(label) ? label : "other"));
        if (_names.Count < MaxNames && _names.TryAdd((Printable.From(provider), Printable.From(model)), true))
            LogFound(Printable.From(provider), Printable.From(model));
    }

    [LoggerMessage(
        LogLevel.Warning,
        "No price list has the model {Model} of provider {Provider}: its calls are stored with cost 0 as unpriced. "
        + "Prices of its own can be given in the file of LLMRING_PRICES",
        EventName = "UnpricedModelFound")]
    private partial void LogFound(string provider, string model);
}
