using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Budgets.Responses;

/// <summary>A budget as the API answers it.</summary>
internal sealed record BudgetResponse
{
    public required Guid Id { get; init; }

    /// <summary>The alias whose usage counts; null for all usage of the key.</summary>
    public string? Alias { get; init; }

    /// <summary>USD per month.</summary>
    public required decimal Limit { get; init; }

    /// <summary>The warning threshold as a share of the limit.</summary>
    public required decimal WarningAt { get; init; }

    /// <summary>The month of the other members, UTC, as <c>2026-11</c>.</summary>
    public required string Month { get; init; }

    /// <summary>USD of all committed usage.</summary>
    public required decimal Spent { get; init; }

    public required BudgetStatus Status { get; init; }
    public string? WebhookUrl { get; init; }

    /// <summary>The state of the latest webhook of this month.</summary>
    public AlertResponse? LastAlert { get; init; }

    public static BudgetResponse Of(Budget budget, Month month, UsageCosts costs, Alert? lastAlert)
    {
        var spent = budget.SpentOf(costs);
        return new BudgetResponse
        {
            Id = budget.Id,
            Alias = budget.Alias.Length == 0 ? null : budget.Alias,
            Limit = budget.LimitUsd,
            WarningAt = budget.WarningAt,
            Month = month.ToString(),
            Spent = spent,
            Status = budget.StatusAt(spent),
            WebhookUrl = budget.WebhookUrl,
            LastAlert = lastAlert is null ? null : AlertResponse.Of(lastAlert),
        };
    }
}

/// <summary>A webhook and the state of its delivery.</summary>
internal sealed record AlertResponse(
    Guid Id, BudgetStatus Status, decimal Amount, DateTimeOffset CrossedAt, int Attempts, DateTimeOffset? DeliveredAt, string? LastError)
{
    public static AlertResponse Of(Alert alert) =>
        new(alert.Id, alert.Status, alert.Amount, alert.CrossedAt, alert.Attempts, alert.DeliveredAt, alert.LastError);
}
