using LlmRing.Shared.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>Prices the unpriced usages of all scopes whenever the price lists have changed.</summary>
internal sealed partial class RepriceOnRegistryChange(IModelPrices prices, UsageRepricer repricer, ILogger<RepriceOnRegistryChange> logger)
    : BackgroundService
{
    // Several changes during one pass lead to a single further pass.
    private readonly SemaphoreSlim _changed = new(0, 1);

    public override void Dispose()
    {
        _changed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        prices.Changed += OnChanged;
        try
        {
            while (true)
            {
                await _changed.WaitAsync(stoppingToken);
                await RepriceAsync(stoppingToken);
            }
        }
        finally
        {
            prices.Changed -= OnChanged;
        }
    }

    private void OnChanged()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // A further pass is due already.
        }
    }

    private async Task RepriceAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (count, cost) = await repricer.PriceUnpricedAsync(null, cancellationToken);
            if (count > 0)
                LogRepriced(count, cost);
        }
        catch (NpgsqlException exception)
        {
            // The next change, or POST /api/v1/usage/reprice, prices the rest.
            LogRepricingFailed(exception.Message);
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Count} unpriced usages were priced after a change of the price lists: {Cost} USD",
        EventName = "UsagesRepriced")]
    private partial void LogRepriced(long count, decimal cost);

    [LoggerMessage(
        LogLevel.Warning,
        "Unpriced usages could not be priced after a change of the price lists: {Reason}",
        EventName = "RepricingFailed")]
    private partial void LogRepricingFailed(string reason);
}
