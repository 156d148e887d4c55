using FluentValidation.Results;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.LogUsageBatch;

/// <summary>A batch of usages, in either format: its limits, its rules and what its records have in common.</summary>
/// <param name="factory">Makes the records.</param>
/// <param name="timestamps">Checks the times of the calls.</param>
/// <param name="scope">The scope of the request.</param>
/// <param name="idempotencyKey">The <c>Idempotency-Key</c> of the request; empty: none.</param>
/// <param name="now">The time of the request, UTC, in whole microseconds.</param>
internal sealed class UsageBatch(UsageRecordFactory factory, UsageTimestamps timestamps, Scope scope, string idempotencyKey, DateTime now)
{
    public const int MaxUsages = 10_000;

    private static readonly UsageInputValidator Validator = new();

    /// <summary>Makes the record of a usage. The key of the whole batch is a key of its own at each position.</summary>
    public ValueTask<UsageRecord> CreateRecordAsync(UsageInput input, int position, CancellationToken cancellationToken) =>
        factory.CreateAsync(scope, input, idempotencyKey.Length == 0 ? null : $"{idempotencyKey}[{position}]", now, cancellationToken);

    public List<ValidationFailure> Validate(UsageInput? input)
    {
        if (input is null)
            return [new ValidationFailure("", "A usage is a JSON object.")];
        var failures = Validator.Validate(input).Errors;
        if (timestamps.Validate(input.Timestamp, now) is { } failure)
            failures.Add(failure);
        return failures;
    }

    public static BadHttpRequestException TooManyUsages() =>
        new($"A batch has at most {MaxUsages} usages", StatusCodes.Status413PayloadTooLarge);
}

internal sealed class UsageInputValidator : UsageInputRules<UsageInput>;
