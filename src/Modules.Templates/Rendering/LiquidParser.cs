using Fluid;
using Fluid.Ast;
using Fluid.Parser;
using Parlot;
using Parlot.Fluent;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>
/// A Liquid parser with bounds: a recursive descent parser would otherwise overflow the stack on nested text, which ends the process.
/// </summary>
internal sealed class LiquidParser : FluidParser
{
    /// <summary>How deeply blocks and expressions may be nested.</summary>
    public const int MaxDepth = 50;

    private const int MaxLength = 256 * 1024;
    private const int MaxExpressions = 10_000;

    /// <summary>Tags that read other templates, write HTML tables or hide statements in one tag.</summary>
    private static readonly string[] _refusedTags = ["include", "render", "liquid", "tablerow", "ifchanged"];

    public LiquidParser()
    {
        foreach (var tag in _refusedTags)
            RegisteredTags.Remove(tag);

        // The grammar recurses through these four parsers only.
        Primary.Parser = new BoundedParser<Expression>(Primary.Parser!);
        FilterExpression.Parser = new BoundedParser<Expression>(FilterExpression.Parser!);
        KnownTagsList.Parser = new BoundedParser<IReadOnlyList<Statement>>(KnownTagsList.Parser!);
        AnyTagsList.Parser = new BoundedParser<IReadOnlyList<Statement>>(AnyTagsList.Parser!);
    }

    /// <summary>Parses a text.</summary>
    /// <exception cref="LiquidException">The text is not valid Liquid, or exceeds a bound.</exception>
    public FluidTemplate Parse(string text)
    {
        if (text.Length > MaxLength)
            throw new LiquidException($"a text with markup has at most {MaxLength} characters");

        try
        {
            if (Grammar.TryParse(new BoundedContext(text), out var statements, out var error))
                return new FluidTemplate(statements);
            throw new LiquidException(error is null ? "the markup is incomplete" : $"{error.Message} at {error.Position}");
        }
        catch (Fluid.ParseException exception)
        {
            throw new LiquidException(exception.Message);
        }
    }

    private sealed class BoundedContext(string text) : FluidParseContext(text)
    {
        private int _depth;
        private int _expressions;

        public void Enter()
        {
            if (++_depth > MaxDepth)
                throw new LiquidException($"blocks and expressions are nested more than {MaxDepth} levels deep");
            if (++_expressions > MaxExpressions)
                throw new LiquidException($"a text has at most {MaxExpressions} expressions");
        }

        public void Leave() => _depth--;
    }

    private sealed class BoundedParser<T>(Parser<T> parser) : Parser<T>
    {
        public override bool Parse(ParseContext context, ref ParseResult<T> result)
        {
            var bounded = (BoundedContext)context;
            bounded.Enter();
            var parsed = parser.Parse(context, ref result);
            bounded.Leave();
            return parsed;
        }
    }
}
