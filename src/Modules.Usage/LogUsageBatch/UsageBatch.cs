using FluentValidation.Results;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.LogUsageBatch;

/// <summary>A batch of usages, in either format: its limits, its rules and what its records have in common.</summary>
/// <param name="factory">Makes the records.</param>
/// <param name="scope">The scope of the request.</param>
/// <param name="idempotencyKey">The <c>Idempotency-Key</c> of the request; empty: none.</param>
/// <param name="loggedAt">The time of the request, UTC, in whole microseconds.</param>
internal sealed class UsageBatch(UsageRecordFactory factory, Scope scope, string idempotencyKey, DateTime loggedAt)
{
    public const int MaxUsages = 10_000;

    private static readonly UsageInputValidator Validator = new();

    /// <summary>Makes the record of a usage. The key of the whole batch is a key of its own at each position.</summary>
    public ValueTask<UsageRecord> CreateRecordAsync(UsageInput input, int position, CancellationToken cancellationToken) =>
        factory.CreateAsync(scope, input, idempotencyKey.Length == 0 ? null : $"{idempotencyKey}[{position}]", loggedAt, cancellationToken);

    public static List<ValidationFailure> Validate(UsageInput? input) =>
        input is null ? [new ValidationFailure("", "A usage is a JSON object.")] : Validator.Validate(input).Errors;

    public static BadHttpRequestException TooManyUsages() =>
        new($"A batch has at most {MaxUsages} usages", StatusCodes.Status413PayloadTooLarge);
}

internal sealed class UsageInputValidator : UsageInputRules<UsageInput>;
