using FastEndpoints;
using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Modules.Budgets.Responses;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Budgets.ListBudgets;

/// <summary>GET /api/v1/budgets answers the caller's budgets with the spent amounts.</summary>
internal sealed class ListBudgetsEndpoint(BudgetRepository budgets, AlertRepository alerts, IUsageTotals usage, TimeProvider time)
    : EndpointWithoutRequest<IReadOnlyList<BudgetResponse>>
{
    public override void Configure()
    {
        Get("/api/v1/budgets");
        Summary(summary =>
        {
            summary.Summary = "List the monthly budgets";
            summary.Description = "`spent` is the cost of all usage of the current month (UTC) that is committed at this moment.";
            summary.Response<IReadOnlyList<BudgetResponse>>(
                StatusCodes.Status200OK, "All budgets of the key: the one for all usage first, then by alias.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var (scope, month) = (HttpContext.GetScope(), Month.Of(time.GetUtcNow()));
        var own = await budgets.ListAsync(scope, ct);
        var costs = await usage.GetCostsAsync(scope, month.From, month.Until, [.. own.Select(budget => budget.Alias)], ct);
        var latest = await alerts.FindLatestAsync([.. own.Select(budget => budget.Id)], month, ct);
        await Send.OkAsync([.. own.Select(budget => BudgetResponse.Of(budget, month, costs, latest.GetValueOrDefault(budget.Id)))], ct);
    }
}
