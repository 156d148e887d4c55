using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>A usage as clients send it, alone or in a batch.</summary>
internal record UsageInput
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
}

/// <summary>The rules of a single usage and of each usage of a batch.</summary>
internal abstract class UsageInputRules<TInput> : Validator<TInput>
    where TInput : UsageInput
{
    /// <summary>In USD. No call costs as much, and sums of smaller costs cannot overflow.</summary>
    private const decimal MaxCost = 1_000_000_000;

    protected UsageInputRules()
    {
        RuleFor(input => input.Provider).NotNull().Length(1, 50);
        RuleFor(input => input.Model).NotNull().Length(1, 255);
        RuleFor(input => input.InputTokens).NotNull().GreaterThanOrEqualTo(0);
        RuleFor(input => input.OutputTokens).NotNull().GreaterThanOrEqualTo(0);
        RuleFor(input => input.CachedInputTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.Cost).InclusiveBetween(0, MaxCost);
        RuleFor(input => input.Alias).MaximumLength(128);
        RuleFor(input => input.Profile).MaximumLength(64);
        RuleFor(input => input.Origin).MaximumLength(255);
        RuleFor(input => input.IdAtOrigin).MaximumLength(255);
        RuleFor(input => input.LatencyMs).GreaterThanOrEqualTo(0);
        RuleFor(input => input.CacheWrite5mTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.CacheWrite1hTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.ReasoningTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.Metadata)
            .Must(metadata => metadata is null or { ValueKind: JsonValueKind.Object or JsonValueKind.Null })
            .WithMessage("'metadata' must be a JSON object.");
    }
}
