using Fluid;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>A text of a template, parsed. A text without <c>{{</c> and <c>{%</c> is no markup and renders as itself.</summary>
internal sealed class LiquidText
{
    private static readonly LiquidParser _parser = new();

    private readonly string _text;
    private readonly IFluidTemplate? _template;

    private LiquidText(string text, IFluidTemplate? template, IReadOnlyList<string> variables) =>
        (_text, _template, Variables) = (text, template, variables);

    /// <summary>The variables that the text uses, in the order of their first use.</summary>
    public IReadOnlyList<string> Variables { get; }

    /// <summary>Parses a text.</summary>
    /// <exception cref="LiquidException">The text is not valid Liquid, or exceeds a bound.</exception>
    public static LiquidText Parse(string text)
    {
        if (!text.Contains("{{", StringComparison.Ordinal) && !text.Contains("{%", StringComparison.Ordinal))
            return new LiquidText(text, null, []);

        var rewriter = new LiquidRewriter();
        var template = rewriter.VisitTemplate(_parser.Parse(text));
        return new LiquidText(text, template, rewriter.Variables);
    }

    /// <summary>Fills in the variables of the context.</summary>
    /// <exception cref="LiquidException">A value does not fit its filter, or a bound is exceeded.</exception>
    public string Render(RenderContext context)
    {
        if (_template is null)
            return _text;

        try
        {
            // Nothing here waits, since templates read neither files nor other templates.
            return _template.Render(context, NullEncoder.Default);
        }
        catch (Exception exception) when (exception is not LiquidException and not OutOfMemoryException)
        {
            // Fluid throws what its filters throw, e.g. for a division by zero, and speaks of a recursion where the steps are too many.
            throw new LiquidException(
                context.IsOutOfSteps ? $"rendering takes more than {RenderContext.StepLimit:N0} steps" : exception.Message.TrimEnd('.'));
        }
    }
}
