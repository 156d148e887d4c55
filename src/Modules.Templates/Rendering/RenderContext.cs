using Fluid;
using Fluid.Values;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>One rendering of one text: the variables, the ones that are missing, and the work that may still be done.</summary>
internal sealed class RenderContext : TemplateContext
{
    /// <summary>The statements and iterations that one rendering may take.</summary>
    public const int StepLimit = 100_000;

    // An expression costs this much besides the size of its value.
    private const int ExpressionCost = 8;

    // A search compares about this many characters at once.
    private const int VectorLength = 32;

    private readonly IReadOnlyDictionary<string, FluidValue> _variables;
    private readonly RenderBudget _budget;

    /// <summary>Begins a rendering.</summary>
    /// <param name="options">Filters and clock.</param>
    /// <param name="variables">The values that the caller gives.</param>
    /// <param name="budget">The work that all texts of a template share.</param>
    public RenderContext(TemplateOptions options, IReadOnlyDictionary<string, FluidValue> variables, RenderBudget budget)
        : base(options, StringComparer.Ordinal)
    {
        (_variables, _budget) = (variables, budget);
        foreach (var (name, value) in variables)
            SetValue(name, value);
    }

    /// <summary>The variables that the rendering needs and the caller did not give, in the order of their first use.</summary>
    public List<string> Missing { get; } = [];

    /// <summary>Whether the rendering has ended because of <see cref="StepLimit"/>.</summary>
    public bool IsOutOfSteps => _steps >= StepLimit;

    /// <summary>Notes a variable as missing unless the caller gave one of that name, maybe null.</summary>
    public void Require(string name)
    {
        if (!_variables.ContainsKey(name) && !Missing.Contains(name))
            Missing.Add(name);
    }

    /// <summary>Charges for work on a number of characters or items.</summary>
    /// <exception cref="LiquidException">The budget is exhausted.</exception>
    public void Charge(double size) => _budget.Charge(size);

    /// <summary>Charges for a value by the characters and items that it holds.</summary>
    public void Charge(FluidValue value)
    {
        _budget.Charge(ExpressionCost);
        switch (value)
        {
            case StringValue text:
                _budget.Charge(text.ToStringValue().Length);
                break;
            case ArrayValue array:
                foreach (var item in array.Values)
                    Charge(item);
                break;
            case DictionaryValue dictionary when dictionary.ToObjectValue() is IFluidIndexable members:
                foreach (var key in members.Keys)
                {
                    _budget.Charge(key.Length);
                    if (members.TryGetValue(key, out var member))
                        Charge(member);
                }

                break;
        }
    }

    /// <summary>Charges for the search of a text in another, or of an item in an array.</summary>
    public void ChargeSearch(FluidValue text, FluidValue sought)
    {
        if (text is StringValue)
            Charge((double)text.ToStringValue().Length * sought.ToStringValue().Length / VectorLength);
    }
}
