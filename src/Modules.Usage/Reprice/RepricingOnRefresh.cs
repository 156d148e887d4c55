using LlmRing.Shared.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Usage.Reprice;

/// <summary>Prices unpriced usages of all scopes whenever the registry has changed.</summary>
internal sealed partial class RepricingOnRefresh(IModelPrices prices, UsageRepricer repricer, ILogger<RepricingOnRefresh> logger) : BackgroundService
{
    // Changes while a pass runs make one further pass.
    private readonly SemaphoreSlim _changed = new(0, 1);

    public override void Dispose()
    {
        _changed.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        prices.Changed += Note;
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
            prices.Changed -= Note;
        }
    }

    private void Note()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // Noted already.
        }
    }

    private async Task RepriceAsync(CancellationToken cancellationToken)
    {
        try
        {
            var (count, cost) = await repricer.RepriceAsync(null, cancellationToken);
            if (count > 0)
                LogRepriced(count, cost);
        }
        catch (NpgsqlException exception)
        {
            // The next change, or POST /api/v1/usage/reprice, does what is left.
            LogPutOff(exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Information, "{Count} usages that were logged unpriced are priced: {Cost} USD")]
    private partial void LogRepriced(long count, decimal cost);

    [LoggerMessage(LogLevel.Warning, "Pricing of unpriced usages is put off: {Reason}")]
    private partial void LogPutOff(string reason);
}
