using System.Threading.Channels;
using LlmRing.Shared.Contracts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>Prices the unpriced answers of all scopes whenever prices have changed.</summary>
internal sealed partial class RepriceOnPriceChange(IModelPrices prices, AnswerRepricer repricer, ILogger<RepriceOnPriceChange> logger)
    : BackgroundService
{
    // Several changes during one pass lead to a single further pass.
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        prices.Changed += OnChanged;
        try
        {
            await foreach (var _ in _changes.Reader.ReadAllAsync(stoppingToken))
                await RepriceAsync(stoppingToken);
        }
        finally
        {
            prices.Changed -= OnChanged;
        }
    }

    private void OnChanged() => _changes.Writer.TryWrite(true);

    private async Task RepriceAsync(CancellationToken cancellationToken)
    {
        try
        {
            var result = await repricer.PriceUnpricedAsync(cancellationToken);
            if (result.Changed > 0)
                LogRepriced(result.Changed, result.CostAfter);
        }
        catch (NpgsqlException exception)
        {
            // The next change, or POST /api/v1/usage/reprice, prices the rest.
            LogRepricingFailed(exception.Message);
        }
    }

    [LoggerMessage(
        LogLevel.Information,
        "{Count} unpriced answers of conversations were priced after a change of prices: {Cost} USD",
        EventName = "ConversationsRepriced")]
    private partial void LogRepriced(long count, decimal cost);

    [LoggerMessage(
        LogLevel.Warning,
        "Unpriced answers of conversations could not be priced after a change of prices: {Reason}",
        EventName = "ConversationRepricingFailed")]
    private partial void LogRepricingFailed(string reason);
}
