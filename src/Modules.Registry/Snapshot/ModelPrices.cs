using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>Prices from the registry's snapshot in memory.</summary>
internal sealed class ModelPrices : IModelPrices
{
    private static readonly TimeSpan FirstLoadTimeout = TimeSpan.FromSeconds(2);

    private readonly RegistryCatalog _catalog;
    private readonly TimeProvider _time;
    private readonly Lazy<Task> _firstLoad;

    public ModelPrices(RegistryCatalog catalog, TimeProvider time)
    {
        (_catalog, _time) = (catalog, time);
        _firstLoad = new(WaitForFirstLoadAsync);
    }

    public event Action? Changed
    {
        add => _catalog.Changed += value;
        remove => _catalog.Changed -= value;
    }

    public ValueTask<ModelPrice?> FindAsync(string provider, string model, CancellationToken cancellationToken) =>
        _catalog.Current is { } registry || _firstLoad.Value.IsCompleted
            ? new(_catalog.Current?.Prices.Find(provider, model))
            : new(FindWhenLoadedAsync(provider, model, cancellationToken));

    private async Task<ModelPrice?> FindWhenLoadedAsync(string provider, string model, CancellationToken cancellationToken)
    {
        await _firstLoad.Value.WaitAsync(cancellationToken);
        return _catalog.Current?.Prices.Find(provider, model);
    }

    /// <summary>All early callers share one wait. Later callers get no price at once while there is still no copy.</summary>
    private async Task WaitForFirstLoadAsync() =>
        await Task.WhenAny(_catalog.RefreshAsync(CancellationToken.None), Task.Delay(FirstLoadTimeout, _time));
}
