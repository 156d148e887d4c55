using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Budgets.Storage;

/// <summary>How much of a budget is spent.</summary>
internal enum BudgetStatus
{
    /// <summary>Less than the warning threshold.</summary>
    Ok,

    /// <summary>The warning threshold or more, and less than the limit.</summary>
    Warning,

    /// <summary>The limit or more.</summary>
    Exceeded,
}

/// <summary>A row of <c>budgets</c>.</summary>
internal sealed record Budget
{
    public Guid Id { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }

    /// <summary>The alias whose usage counts; empty for all usage of the scope.</summary>
    public string Alias { get; init; } = "";

    /// <summary>USD per month.</summary>
    public decimal LimitUsd { get; init; }

    /// <summary>The warning threshold as a share of the limit, between 0 and 1.</summary>
    public decimal WarningAt { get; init; }

    public string? WebhookUrl { get; init; }

    /// <summary>The owner: the project if there is one. The key then only records who set the budget.</summary>
    public Scope Scope => ProjectId is { } project ? Scope.OfProject(project) : Scope.OfApiKey(ApiKeyId!);

    /// <summary>The amounts in USD that an alert reports, lowest first.</summary>
    public IEnumerable<(BudgetStatus Status, decimal Amount)> Thresholds =>
        [(BudgetStatus.Warning, LimitUsd * WarningAt), (BudgetStatus.Exceeded, LimitUsd)];

    public decimal SpentOf(UsageCosts costs) => Alias.Length == 0 ? costs.Total : costs.ByAlias.GetValueOrDefault(Alias);

    public BudgetStatus StatusAt(decimal spent) =>
        Thresholds.LastOrDefault(threshold => spent >= threshold.Amount).Status;
}
