using FastEndpoints;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Budgets.DeleteBudget;

/// <summary>DELETE /api/v1/budgets/{id} deletes a budget and its alerts.</summary>
internal sealed class DeleteBudgetEndpoint(BudgetRepository budgets) : Endpoint<DeleteBudgetRequest, DeleteBudgetResponse>
{
    public override void Configure()
    {
        Delete("/api/v1/budgets/{id}");
        Summary(summary =>
        {
            summary.Summary = "Delete a budget";
            summary.Response<DeleteBudgetResponse>(
                StatusCodes.Status200OK, "The budget is deleted, with the webhooks that were not delivered yet.");
        });
    }

    public override async Task HandleAsync(DeleteBudgetRequest request, CancellationToken ct)
    {
        if (await budgets.DeleteAsync(HttpContext.GetScope(), request.Id, ct))
            await Send.OkAsync(new DeleteBudgetResponse("Budget deleted"), ct);
        else
            await Send.NotFoundAsync("Budget", ct);
    }
}

internal sealed record DeleteBudgetRequest
{
    public Guid Id { get; init; }
}

internal sealed record DeleteBudgetResponse(string Message);
