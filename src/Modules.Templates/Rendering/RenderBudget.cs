namespace LlmRing.Modules.Templates.Rendering;

/// <summary>The work that one request for a rendering may cause, counted in characters and items that are handled.</summary>
internal sealed class RenderBudget
{
    private const double Work = 10_000_000;

    private double _left = Work;

    /// <summary>Takes from the budget, before or after the work is done.</summary>
    /// <exception cref="LiquidException">The budget is exhausted.</exception>
    public void Charge(double size)
    {
        _left -= Math.Max(0, size);
        if (_left < 0)
            throw new LiquidException($"rendering handles more than {Work:N0} characters and items");
    }
}
