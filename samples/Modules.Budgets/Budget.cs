using LlmRing.Modules.Budgets.Alerts;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Budgets;

/// <summary>How a budget stands.</summary>
internal enum BudgetStatus
{
    /// <summary>Less than the warning share is spent.</summary>
    Ok,

    /// <summary>The warning share is spent.</summary>
    Warning,

    /// <summary>All of it is spent, or more.</summary>
    Exceeded,
}

/// <summary>A row of <c>budgets</c>.</summary>
internal sealed record Budget
{
    public Guid Id { get; init; }

    public string? ApiKeyId { get; init; }

    public Guid? ProjectId { get; init; }

    /// <summary>Empty: all usage of the scope.</summary>
    public string Alias { get; init; } = "";

    /// <summary>USD a month.</summary>
    public decimal LimitUsd { get; init; }

    /// <summary>The share of the limit from which on there is a warning.</summary>
    public decimal WarningAt { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>Whose it is; the key is then only a note of who set it.</summary>
    public Scope Scope => ProjectId is { } project ? Scope.OfProject(project) : Scope.OfApiKey(ApiKeyId!);

    /// <summary>The amounts at which something is to be said.</summary>
    public IEnumerable<(BudgetStatus Status, decimal Amount)> Thresholds =>
        [(BudgetStatus.Warning, LimitUsd * WarningAt), (BudgetStatus.Exceeded, LimitUsd)];

    public decimal SpentOf(UsageCosts costs) => Alias.Length == 0 ? costs.Total : costs.ByAlias.GetValueOrDefault(Alias);

    public BudgetStatus StatusAt(decimal spent) =>
        Thresholds.Where(threshold => spent >= threshold.Amount).Select(threshold => threshold.Status).DefaultIfEmpty(BudgetStatus.Ok).Last();
}

/// <summary>A budget as its owner sees it.</summary>
internal sealed record BudgetResponse
{
    public required Guid Id { get; init; }

    /// <summary>Null: all usage of the key.</summary>
    public string? Alias { get; init; }

    /// <summary>USD a month.</summary>
    public required decimal Limit { get; init; }

    public required decimal WarningAt { get; init; }

    /// <summary>The month that the numbers are of, UTC.</summary>
    public required string Month { get; init; }

    /// <summary>USD, of all that is committed.</summary>
    public required decimal Spent { get; init; }

    public required BudgetStatus Status { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>What became of the latest webhook of this month.</summary>
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

/// <summary>A webhook and whether it arrived.</summary>
internal sealed record AlertResponse(Guid Id, BudgetStatus Status, decimal Amount, DateTimeOffset CrossedAt, int Attempts, DateTimeOffset? DeliveredAt, string? LastError)
{
    public static AlertResponse Of(Alert alert) =>
        new(alert.Id, alert.Status, alert.Amount, alert.CrossedAt, alert.Attempts, alert.DeliveredAt, alert.LastError);
}
