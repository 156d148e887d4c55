using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Host.Modules;

/// <summary>The implementation without the Conversations module: no scope owns a conversation.</summary>
internal sealed class NoConversations : IConversationOwnership
{
    /// <inheritdoc/>
    public Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken) => Task.FromResult(false);
}

/// <summary>The implementation without the Registry module: no model has a price.</summary>
internal sealed class NoModelPrices : IModelPrices
{
    /// <inheritdoc/>
    public event Action? Changed
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public ValueTask<ModelPrice?> FindAsync(string provider, string model, string? serviceTier, CancellationToken cancellationToken) =>
        new((ModelPrice?)null);

    /// <inheritdoc/>
    public ModelName Canonicalize(string provider, string model) => new(provider, model);
}

/// <summary>The implementation without the Usage module: all sums are zero.</summary>
internal sealed class NoUsageTotals : IUsageTotals
{
    /// <inheritdoc/>
    public Task<UsageCosts> GetCostsAsync(
        Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken) =>
        Task.FromResult(new UsageCosts(0, new Dictionary<string, decimal>()));

    /// <inheritdoc/>
    public Task<ConversationUsage> GetConversationUsageAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken) =>
        Task.FromResult(new ConversationUsage(new UsageSums(0, 0, 0, 0, 0, 0, 0), 0, 0, new Dictionary<string, UsageSums>()));
}
