namespace LlmRing.Modules.Usage.Repricing;

/// <summary>What a repricing changed, or would change; costs in USD.</summary>
internal sealed class RepricingSummary
{
    private readonly Dictionary<(string Provider, string Model), ModelRepricing> _byModel = [];

    /// <summary>Usages that were selected.</summary>
    public long Rows => _byModel.Values.Sum(model => model.Rows);

    /// <summary>Usages whose cost or its explanation changed.</summary>
    public long Changed => _byModel.Values.Sum(model => model.Changed);

    public decimal CostBefore => _byModel.Values.Sum(model => model.CostBefore);
    public decimal CostAfter => _byModel.Values.Sum(model => model.CostAfter);

    /// <summary>The greatest difference first.</summary>
    public IReadOnlyList<ModelRepricing> ByModel =>
    [
        .. _byModel.Values
            .OrderByDescending(model => Math.Abs(model.CostAfter - model.CostBefore))
            .ThenBy(model => model.Provider, StringComparer.Ordinal)
            .ThenBy(model => model.Model, StringComparer.Ordinal),
    ];

    public void Add(IEnumerable<RepricedUsage> usages)
    {
        foreach (var usage in usages)
        {
            var model = _byModel.GetValueOrDefault((usage.Before.Provider, usage.Before.Model))
                ?? new ModelRepricing(usage.Before.Provider, usage.Before.Model, 0, 0, 0, 0);
            _byModel[(model.Provider, model.Model)] = model with
            {
                Rows = model.Rows + 1,
                Changed = model.Changed + (usage.IsChanged ? 1 : 0),
                CostBefore = model.CostBefore + usage.Before.Cost,
                CostAfter = model.CostAfter + usage.After.Cost,
            };
        }
    }
}

/// <summary>The part of a model in a repricing, as its usages name it; costs in USD.</summary>
internal sealed record ModelRepricing(string Provider, string Model, long Rows, long Changed, decimal CostBefore, decimal CostAfter);
