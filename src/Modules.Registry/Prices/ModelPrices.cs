using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Registry.Prices;

/// <summary>Prices from the registry's snapshot and the operator's own list, both in memory.</summary>
internal sealed partial class ModelPrices : IModelPrices
{
    private static readonly TimeSpan FirstLoadTimeout = TimeSpan.FromSeconds(2);

    private readonly RegistryCatalog _catalog;
    private readonly OwnPrices _own;
    private readonly UnpricedModels _unpriced;
    private readonly TimeProvider _time;
    private readonly ILogger<ModelPrices> _logger;
    private readonly Lazy<Task> _firstLoad;
    private volatile PriceBook _combined = new(PriceList.Empty, PriceList.Empty);

    public ModelPrices(RegistryCatalog catalog, OwnPrices own, UnpricedModels unpriced, TimeProvider time, ILogger<ModelPrices> logger)
    {
        (_catalog, _own, _unpriced, _time, _logger) = (catalog, own, unpriced, time, logger);
        _firstLoad = new(WaitForFirstLoadAsync);
        catalog.Changed += OnListChanged;
        own.Changed += OnListChanged;
    }

    public event Action? Changed;

    /// <summary>The lists of this moment; combined at the first look after a change of one of them.</summary>
    private PriceBook Current
    {
        get
        {
            var (own, registry) = (_own.Current, _catalog.Current?.Prices ?? PriceList.Empty);
            var combined = _combined;
            return combined.Combines(own, registry) ? combined : _combined = new PriceBook(own, registry);
        }
    }

    public ValueTask<ModelPrice?> FindAsync(string provider, string model, string? serviceTier, CancellationToken cancellationToken) =>
        _catalog.Current is null
            ? new(FindWhenLoadedAsync(provider, model, serviceTier, cancellationToken))
            : new(Find(provider, model, serviceTier));

    public ModelName Canonicalize(string provider, string model) => Current.Canonicalize(provider, model);

    private async Task<ModelPrice?> FindWhenLoadedAsync(
        string provider, string model, string? serviceTier, CancellationToken cancellationToken)
    {
        await _firstLoad.Value.WaitAsync(cancellationToken);
        return Find(provider, model, serviceTier);
    }

    private ModelPrice? Find(string provider, string model, string? serviceTier)
    {
        var prices = Current;
        var price = prices.Find(provider, model, serviceTier);
        if (price is null)
            _unpriced.Report(provider, model, prices.Providers);
        return price;
    }

    /// <summary>All early callers share one wait.</summary>
    private async Task WaitForFirstLoadAsync()
    {
        await Task.WhenAny(_catalog.RefreshAsync(CancellationToken.None), Task.Delay(FirstLoadTimeout, _time));
        _catalog.EnsureLoaded();
    }

    private void OnListChanged()
    {
        foreach (var handler in Delegate.EnumerateInvocationList(Changed))
        {
            try
            {
                handler();
            }
            catch (Exception exception)
            {
                // A failing handler must fail neither the refresh nor the other handlers.
                LogHandlerFailed(exception);
            }
        }
    }

    [LoggerMessage(LogLevel.Error, "A handler of changed model prices failed", EventName = "RegistryChangeHandlerFailed")]
    private partial void LogHandlerFailed(Exception exception);
}
