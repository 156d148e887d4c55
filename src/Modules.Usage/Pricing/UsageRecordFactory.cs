using System.Text.Json;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Makes records of the usages that clients send, with the client's cost or the one that the provider bills.</summary>
internal sealed class UsageRecordFactory(IModelPrices prices)
{
    /// <param name="scope">The scope of the request.</param>
    /// <param name="input">A valid usage.</param>
    /// <param name="idempotencyKey">The <c>Idempotency-Key</c> of the usage; null or empty: none.</param>
    /// <param name="now">The time of the request, UTC, in whole microseconds.</param>
    /// <param name="cancellationToken">Cancels the wait for the first copy of the registry.</param>
    public async ValueTask<UsageRecord> CreateAsync(
        Scope scope, UsageInput input, string? idempotencyKey, DateTime now, CancellationToken cancellationToken)
    {
        var usage = input.ReadUsage()!.Value;
        var serviceTier = ServiceTiers.Normalize(input.ServiceTier ?? usage.ServiceTier);
        var createdAt = UsageTimestamps.Read(input.Timestamp, now);
        var record = new UsageRecord
        {
            Id = input.Id ?? Guid.CreateVersion7(createdAt),
            Scope = scope,
            CreatedAt = createdAt,
            Provider = input.Provider!,
            Model = input.Model!,
            Alias = NullIfEmpty(input.Alias),
            Profile = NullIfEmpty(input.Profile) ?? "default",
            Origin = NullIfEmpty(input.Origin),
            IdAtOrigin = NullIfEmpty(input.IdAtOrigin),
            // The SDK sends its conversation as id_at_origin.
            ConversationId = input.ConversationId
                ?? (Guid.TryParseExact(input.IdAtOrigin, "D", out var conversation) ? conversation : null),
            Tokens = usage.Tokens,
            ServiceTier = serviceTier,
            Cost = input.Cost ?? 0,
            CostSource = input.Cost is null ? CostSources.Unpriced : CostSources.Client,
            LatencyMs = input.LatencyMs,
            Metadata = input.Metadata is { ValueKind: JsonValueKind.Object } metadata ? metadata.GetRawText() : "{}",
            IdempotencyKeys = IdempotencyKeys(NullIfEmpty(idempotencyKey), input.Id),
        };
        return input.Cost is null && await prices.FindAsync(record.Provider, record.Model, serviceTier, cancellationToken) is { } price
            ? record.PricedBy(price)
            : record;
    }

    // The prefixes keep a key from meeting an id of the same text.
    private static string[] IdempotencyKeys(string? key, Guid? id) => (key, id) switch
    {
        (null, null) => [],
        ({ } header, null) => [$"key:{header}"],
        (null, { } own) => [$"id:{own}"],
        ({ } header, { } own) => [$"key:{header}", $"id:{own}"],
    };

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
