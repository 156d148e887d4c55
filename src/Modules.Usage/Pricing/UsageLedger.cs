using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Prices the usages of other modules and stores them.</summary>
internal sealed class UsageLedger(IModelPrices prices, UsageStore store) : IUsageLedger
{
    /// <inheritdoc/>
    public async Task WriteAsync(
        Scope scope,
        IReadOnlyList<NewUsage> usages,
        Func<NpgsqlConnection, CancellationToken, Task<UsageChanges>> decide,
        CancellationToken cancellationToken)
    {
        var records = new Dictionary<NewUsage, UsageRecord>(usages.Count, ReferenceEqualityComparer.Instance);
        foreach (var usage in usages)
            records.Add(usage, await CreateRecordAsync(scope, usage, cancellationToken));
        await store.ChangeAsync(
            scope,
            [.. records.Values],
            async (connection, token) =>
            {
                var changes = await decide(connection, token);
                return ([.. changes.Appended.Select(usage => records[usage])], changes.Withdrawn);
            },
            cancellationToken);
    }

    private async ValueTask<UsageRecord> CreateRecordAsync(Scope scope, NewUsage usage, CancellationToken cancellationToken)
    {
        var record = new UsageRecord
        {
            Id = usage.Id,
            Scope = scope,
            CreatedAt = usage.CreatedAt,
            Provider = usage.Provider,
            Model = usage.Model,
            Alias = usage.Alias,
            Profile = usage.Profile,
            Origin = usage.Origin,
            IdAtOrigin = usage.IdAtOrigin,
            ConversationId = usage.ConversationId,
            Tokens = usage.Tokens,
            ServiceTier = ServiceTiers.Normalize(usage.ServiceTier),
            Cost = usage.ReportedCost ?? 0,
            CostSource = usage.ReportedCost is null ? CostSources.Unpriced : CostSources.Client,
            LatencyMs = usage.LatencyMs,
            Metadata = usage.Metadata,
            IdempotencyKeys = usage.IdempotencyKey is { } key ? [$"module:{key}"] : [],
        };
        if (usage is { ReportedCost: not null, PrefersReportedCost: true })
            return record;
        foreach (var name in usage.FurtherNames.Prepend(new ModelName(usage.Provider, usage.Model)))
        {
            if (await prices.FindAsync(name.Provider, name.Model, record.ServiceTier, cancellationToken) is { } price)
                return record.PricedBy(price);
        }

        return record;
    }
}
