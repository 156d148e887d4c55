using FastEndpoints;
using FluentValidation;
using FluentValidation.Results;
using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Modules.Budgets.Responses;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Budgets.PutBudget;

/// <summary>PUT /api/v1/budgets sets the monthly budget of the caller's key, or of one alias.</summary>
internal sealed class PutBudgetEndpoint(
    BudgetRepository budgets, AlertRepository alerts, WebhookNetwork network, IUsageTotals usage, TimeProvider time)
    : Endpoint<PutBudgetRequest, BudgetResponse>
{
    public override void Configure()
    {
        Put("/api/v1/budgets");
        Summary(summary =>
        {
            summary.Summary = "Set a monthly budget";
            summary.Description = $"""
                Sets the budget for all usage of the key or, with `alias`, for the usage of that alias, in place of the current one. A spent
                budget blocks no request: the webhook is sent once a month at the warning threshold, and once at the limit. Its header
                `{WebhookMessage.SignatureHeader}: t=SECONDS,v1=HEX` has the HMAC-SHA256 of `SECONDS.BODY` with `webhook_secret`.
                """;
            summary.ExampleRequest = new PutBudgetRequest
            {
                Alias = "deep",
                Limit = 250,
                WarningAt = 0.8m,
                WebhookUrl = "https://ops.example.com/llm-budgets",
                WebhookSecret = "choose-a-long-random-text",
            };
            summary.Response<BudgetResponse>(StatusCodes.Status200OK, "The budget with the spent amount.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, $"The key has {BudgetRepository.MaxPerScope} budgets already.");
        });
    }

    public override async Task HandleAsync(PutBudgetRequest request, CancellationToken ct)
    {
        if (request.WebhookUrl is { } url && network.Validate(url) is { } error)
            ThrowError(new ValidationFailure("webhook_url", error) { ErrorCode = "url" });

        var (scope, month) = (HttpContext.GetScope(), Month.Of(time.GetUtcNow()));
        var budget = await budgets.PutAsync(scope, request.ToBudget(), request.WebhookSecret, ct);
        if (budget is null)
        {
            await Send.DetailAsync(StatusCodes.Status409Conflict, $"There are {BudgetRepository.MaxPerScope} budgets already", ct);
            return;
        }

        var costs = await usage.GetCostsAsync(scope, month.From, month.Until, [budget.Alias], ct);
        var latest = await alerts.FindLatestAsync([budget.Id], month, ct);
        await Send.OkAsync(BudgetResponse.Of(budget, month, costs, latest.GetValueOrDefault(budget.Id)), ct);
    }
}

internal sealed record PutBudgetRequest
{
    public string? Alias { get; init; }

    /// <summary>USD per month.</summary>
    public decimal? Limit { get; init; }
    public decimal? WarningAt { get; init; }
    public string? WebhookUrl { get; init; }
    public string? WebhookSecret { get; init; }

    public Budget ToBudget() => new()
    {
        Id = Guid.CreateVersion7(),
        Alias = Alias ?? "",
        LimitUsd = Limit!.Value,
        WarningAt = WarningAt ?? 0.8m,
        WebhookUrl = WebhookUrl,
    };
}

internal sealed class PutBudgetValidator : Validator<PutBudgetRequest>
{
    public PutBudgetValidator()
    {
        RuleFor(request => request.Alias).MaximumLength(128);
        RuleFor(request => request.Limit).NotNull().GreaterThan(0).LessThanOrEqualTo(1_000_000_000);
        RuleFor(request => request.WarningAt).GreaterThan(0).LessThan(1);
        RuleFor(request => request.WebhookUrl).Length(1, 1000);
        RuleFor(request => request.WebhookSecret).Length(16, 255);
        RuleFor(request => request.WebhookSecret)
            .NotNull().When(request => request.WebhookUrl is not null)
            .WithMessage("'webhook_secret' is needed to sign the webhook.");
    }
}
