using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Usage.Pricing;

/// <summary>A usage as clients send it, alone or in a batch.</summary>
internal record UsageInput
{
    /// <summary>Chosen by the client: a repeat with the same id answers the first result.</summary>
    public Guid? Id { get; init; }

    public string? Provider { get; init; }
    public string? Model { get; init; }

    /// <summary>Required unless <c>usage</c> is sent; null counts as 0.</summary>
    public int? InputTokens
    {
        get;
        init
        {
            field = value;
            HasInputTokens = true;
        }
    }

    /// <summary>Required unless <c>usage</c> is sent; null counts as 0: an answer of thoughts alone has no output count.</summary>
    public int? OutputTokens
    {
        get;
        init
        {
            field = value;
            HasOutputTokens = true;
        }
    }

    /// <summary>Part of the input tokens, see <c>input_includes_cache</c>.</summary>
    public int? CachedInputTokens { get; init; }

    /// <summary>
    /// Whether <c>input_tokens</c> contains the cache reads and writes. False: they are added. Absent: they are added where they exceed
    /// the input, and to the counts of Anthropic that the SDK's decorators send.
    /// </summary>
    public bool? InputIncludesCache { get; init; }

    /// <summary>
    /// The provider's own usage object, instead of the counts: that of OpenAI (chat completions or responses), Anthropic, Google or
    /// Bedrock Converse. It wins over counts that are sent beside it.
    /// </summary>
    public JsonElement? Usage { get; init; }

    /// <summary>When the call was made; without an offset UTC; absent: now.</summary>
    public DateTime? Timestamp { get; init; }

    /// <summary>The conversation of the call; absent: <c>id_at_origin</c> where that is a UUID.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary><c>standard</c> (also <c>default</c>, <c>auto</c>), <c>batch</c>, <c>flex</c> or <c>priority</c>.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>In USD; absent: computed from the price lists.</summary>
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

    // The serializer sets a property only where the body has the member: null is a value, absence is not.
    internal bool HasInputTokens { get; private init; }
    internal bool HasOutputTokens { get; private init; }
    internal bool HasUsage => Usage is { ValueKind: not JsonValueKind.Null };

    /// <summary>The inclusive counts, and the tier that the usage object names.</summary>
    /// <returns>Null where the usage object has no known form, or a count exceeds 32 bits.</returns>
    internal ProviderUsage? ReadUsage()
    {
        if (HasUsage)
            return ProviderUsage.TryRead(Usage!.Value, out var usage) ? usage : null;

        var reported = new TokenCounts(
            InputTokens ?? 0,
            OutputTokens ?? 0,
            CachedInputTokens ?? 0,
            CacheWrite5mTokens ?? 0,
            CacheWrite1hTokens ?? 0,
            ReasoningTokens ?? 0);
        return TokenCounts.Include(reported, InputIncludesCache, Provider ?? "", Origin) is { } tokens
            ? new ProviderUsage(tokens, null)
            : null;
    }
}

/// <summary>The rules of a single usage and of each usage of a batch.</summary>
internal abstract class UsageInputRules<TInput> : Validator<TInput>
    where TInput : UsageInput
{
    /// <summary>In USD. No call costs as much, and sums of smaller costs cannot overflow.</summary>
    private const decimal MaxCost = 1_000_000_000;

    // The code by which a 422 says that a member is missing.
    private const string Missing = "NotNullValidator";
    private const string NoCount = "The count is required (null is 0), or instead of the counts the provider's `usage` object.";

    protected UsageInputRules()
    {
        RuleFor(input => input.Provider).NotNull().Length(1, 50);
        RuleFor(input => input.Model).NotNull().Length(1, 255);
        RuleFor(input => input.InputTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.InputTokens)
            .Must((input, _) => input.HasInputTokens || input.HasUsage).WithErrorCode(Missing).WithMessage(NoCount);
        RuleFor(input => input.OutputTokens).GreaterThanOrEqualTo(0);
        RuleFor(input => input.OutputTokens)
            .Must((input, _) => input.HasOutputTokens || input.HasUsage).WithErrorCode(Missing).WithMessage(NoCount);
        RuleFor(input => input.InputTokens)
            .Must((input, _) => input.HasUsage || input.ReadUsage() is not null)
            .WithMessage($"With the cache or reasoning tokens added, a count exceeds {int.MaxValue}.");
        RuleFor(input => input.Usage)
            .Must((input, _) => !input.HasUsage || input.ReadUsage() is not null)
            .WithMessage($"Accepted is {ProviderUsage.Accepted}.");
        RuleFor(input => input.ServiceTier).MaximumLength(32).Must(ServiceTiers.IsAccepted).WithMessage(ServiceTiers.Accepted);
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
