using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.LogUsage;

internal sealed record LogUsageRequest
{
    /// <summary>Chosen by the client: a repeat with the same id answers the first result.</summary>
    public Guid? Id { get; init; }

    public string? Provider { get; init; }
    public string? Model { get; init; }
    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }

    /// <summary>Part of the input tokens.</summary>
    public int? CachedInputTokens { get; init; }

    /// <summary>In USD; absent: computed from the registry.</summary>
    public decimal? Cost { get; init; }

    public string? Alias { get; init; }
    public string? Profile { get; init; }
    public string? Origin { get; init; }
    public string? IdAtOrigin { get; init; }
    public int? LatencyMs { get; init; }

    /// <summary>Part of the input tokens.</summary>
    [JsonPropertyName("cache_write_5m_tokens")]
    public int? CacheWrite5mTokens { get; init; }

    /// <summary>Part of the input tokens.</summary>
    [JsonPropertyName("cache_write_1h_tokens")]
    public int? CacheWrite1hTokens { get; init; }

    /// <summary>Part of the output tokens.</summary>
    public int? ReasoningTokens { get; init; }

    /// <summary>A JSON object, kept as sent.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>A repeat with the same key answers the first result.</summary>
    // The name keeps a body from choosing it.
    [FromHeader("Idempotency-Key", IsRequired = false), JsonPropertyName("Idempotency-Key")]
    public string? IdempotencyKey { get; set; }

    /// <summary>The row to store, with the cost that the sender gave or the provider bills.</summary>
    public async ValueTask<UsageRow> ToRowAsync(Scope scope, DateTime now, IModelPrices prices, CancellationToken cancellationToken)
    {
        var price = Cost is null ? await prices.FindAsync(Provider!, Model!, cancellationToken) : null;
        return new UsageRow
        {
            Id = Id ?? Guid.CreateVersion7(now),
            Scope = scope,
            CreatedAt = now,
            Provider = Provider!,
            Model = Model!,
            Alias = NullIfEmpty(Alias),
            Profile = NullIfEmpty(Profile) ?? "default",
            Origin = NullIfEmpty(Origin),
            IdAtOrigin = NullIfEmpty(IdAtOrigin),
            InputTokens = InputTokens!.Value,
            OutputTokens = OutputTokens!.Value,
            CachedInputTokens = CachedInputTokens ?? 0,
            CacheWrite5mTokens = CacheWrite5mTokens ?? 0,
            CacheWrite1hTokens = CacheWrite1hTokens ?? 0,
            ReasoningTokens = ReasoningTokens ?? 0,
            Cost = Cost ?? (price is null ? 0 : CostAt(price)),
            CostSource = Cost is not null ? CostSources.Client : price is not null ? CostSources.Registry : CostSources.Unpriced,
            LatencyMs = LatencyMs,
            Metadata = Metadata is { ValueKind: JsonValueKind.Object } metadata ? metadata.GetRawText() : "{}",
            IdempotencyKeys = IdempotencyKeys(),
        };
    }

    private decimal CostAt(ModelPrice price) => UsageCost.Compute(
        price, InputTokens!.Value, OutputTokens!.Value, CachedInputTokens ?? 0, CacheWrite5mTokens ?? 0, CacheWrite1hTokens ?? 0, ReasoningTokens ?? 0);

    private string[] IdempotencyKeys() => (NullIfEmpty(IdempotencyKey), Id) switch
    {
        (null, null) => [],
        ({ } key, null) => [$"key:{key}"],
        (null, { } id) => [$"id:{id}"],
        ({ } key, { } id) => [$"key:{key}", $"id:{id}"],
    };

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}

internal sealed class LogUsageValidator : Validator<LogUsageRequest>
{
    /// <summary>No call costs as much, and sums of less cannot overflow.</summary>
    private const decimal MaxCost = 1_000_000_000;

    public LogUsageValidator()
    {
        RuleFor(request => request.Provider).NotNull().Length(1, 50);
        RuleFor(request => request.Model).NotNull().Length(1, 255);
        RuleFor(request => request.InputTokens).NotNull().GreaterThanOrEqualTo(0);
        RuleFor(request => request.OutputTokens).NotNull().GreaterThanOrEqualTo(0);
        RuleFor(request => request.CachedInputTokens).GreaterThanOrEqualTo(0);
        RuleFor(request => request.Cost).InclusiveBetween(0, MaxCost);
        RuleFor(request => request.Alias).MaximumLength(128);
        RuleFor(request => request.Profile).MaximumLength(64);
        RuleFor(request => request.Origin).MaximumLength(255);
        RuleFor(request => request.IdAtOrigin).MaximumLength(255);
        RuleFor(request => request.LatencyMs).GreaterThanOrEqualTo(0);
        RuleFor(request => request.CacheWrite5mTokens).GreaterThanOrEqualTo(0);
        RuleFor(request => request.CacheWrite1hTokens).GreaterThanOrEqualTo(0);
        RuleFor(request => request.ReasoningTokens).GreaterThanOrEqualTo(0);
        RuleFor(request => request.Metadata)
            .Must(metadata => metadata is null or { ValueKind: JsonValueKind.Object or JsonValueKind.Null })
            .WithMessage("'metadata' must be a JSON object.");
        RuleFor(request => request.IdempotencyKey).MaximumLength(255);
    }
}
