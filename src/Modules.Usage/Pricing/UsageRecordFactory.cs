using System.Text.Json;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>Makes records of the usages that clients send, with the client's cost or the one that the provider bills.</summary>
internal sealed class UsageRecordFactory(IModelPrices prices)
{
    /// <param name="scope">The scope of the request.</param>
    /// <param name="input">A valid usage.</param>
    /// <param name="idempotencyKey">The <c>Idempotency-Key</c> of the usage; null or empty: none.</param>
    /// <param name="loggedAt">The time of the request, UTC, in whole microseconds.</param>
    /// <param name="cancellationToken">Cancels the wait for the first copy of the registry.</param>
    public async ValueTask<UsageRecord> CreateAsync(
        Scope scope, UsageInput input, string? idempotencyKey, DateTime loggedAt, CancellationToken cancellationToken)
    {
        var price = input.Cost is null ? await prices.FindAsync(input.Provider!, input.Model!, null, cancellationToken) : null;
        return new UsageRecord
        {
            Id = input.Id ?? Guid.CreateVersion7(loggedAt),
            Scope = scope,
            CreatedAt = loggedAt,
            Provider = input.Provider!,
            Model = input.Model!,
            Alias = NullIfEmpty(input.Alias),
            Profile = NullIfEmpty(input.Profile) ?? "default",
            Origin = NullIfEmpty(input.Origin),
            IdAtOrigin = NullIfEmpty(input.IdAtOrigin),
            Tokens = new TokenCounts(
                input.InputTokens!.Value,
                input.OutputTokens!.Value,
                input.CachedInputTokens ?? 0,
                input.CacheWrite5mTokens ?? 0,
                input.CacheWrite1hTokens ?? 0,
                input.ReasoningTokens ?? 0),
            Cost = input.Cost ?? (price is null ? 0 : CostAt(price, input)),
            CostSource = input.Cost is not null ? CostSources.Client : price is not null ? CostSources.Registry : CostSources.Unpriced,
            LatencyMs = input.LatencyMs,
            Metadata = input.Metadata is { ValueKind: JsonValueKind.Object } metadata ? metadata.GetRawText() : "{}",
            IdempotencyKeys = IdempotencyKeys(NullIfEmpty(idempotencyKey), input.Id),
        };
    }

    private static decimal CostAt(ModelPrice price, UsageInput input) => CallCost.Compute(
        price,
        new TokenCounts(
            input.InputTokens!.Value,
            input.OutputTokens!.Value,
            input.CachedInputTokens ?? 0,
            input.CacheWrite5mTokens ?? 0,
            input.CacheWrite1hTokens ?? 0,
            input.ReasoningTokens ?? 0)).Total;

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
