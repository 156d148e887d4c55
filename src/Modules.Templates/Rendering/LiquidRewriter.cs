using System.Text.Encodings.Web;
using Fluid;
using Fluid.Ast;
using Fluid.Ast.BinaryExpressions;
using Fluid.Values;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>
/// Makes every expression and literal text of a parsed template charge its size to the <see cref="RenderContext"/>, and collects
/// the variables of the template. Fluid's own bound counts statements, of which one can build a text of any size.
/// </summary>
internal sealed class LiquidRewriter : AstRewriter
{
    // A chain of filters or operators is a tree as deep as the chain is long, and evaluating the tree takes stack for each level.
    private const int MaxDepth = 200;

    // Expressions that may lack a value: conditions, and what the filter `default` is applied to.
    private readonly HashSet<Expression> _optional = [];
    private readonly HashSet<string> _locals = [];
    private readonly List<string> _variables = [];
    private int _depth;

    /// <summary>The variables that callers give, in the order of their first use.</summary>
    public IReadOnlyList<string> Variables => _variables;

    public override Statement Visit(Statement statement) => Nested(() => base.Visit(statement));

    public override Expression Visit(Expression expression) =>
        expression is null ? null! : Nested<Expression>(() => new MeteredExpression(base.Visit(expression)));

    protected override Expression VisitMemberExpression(MemberExpression memberExpression)
    {
        var name = (memberExpression.Segments[0] as IdentifierSegment)?.Identifier;
        var isVariable = name is not null && !_locals.Contains(name);
        if (isVariable && !_variables.Contains(name!))
            _variables.Add(name!);

        // Fluid's rewriter leaves out the expressions in brackets.
        var member = new MemberExpression([.. memberExpression.Segments.Select(segment =>
            segment is IndexerSegment { Expression: var index } ? new IndexerSegment(Visit(index)) : segment)]);
        return isVariable && !_optional.Contains(memberExpression) ? new RequiredVariable(name!, member) : member;
    }

    protected override Expression VisitFilterExpression(FilterExpression filterExpression)
    {
        if (!LiquidFilters.Names.Contains(filterExpression.Name))
            throw new LiquidException($"there is no filter '{filterExpression.Name}'");
        if (filterExpression.Name is "default" || _optional.Contains(filterExpression))
            _optional.Add(filterExpression.Input);

        var input = Visit(filterExpression.Input);
        return new FilterExpression(
            input,
            filterExpression.Name,
            [.. filterExpression.Parameters.Select(parameter => new FilterArgument(parameter.Name, Visit(parameter.Expression)))]);
    }

    protected override Expression VisitRangeExpression(RangeExpression rangeExpression) =>
        new BoundedRange((RangeExpression)base.VisitRangeExpression(rangeExpression));

    protected override Expression VisitContainsBinaryExpression(ContainsBinaryExpression containsBinaryExpression) =>
        new BoundedContains((ContainsBinaryExpression)base.VisitContainsBinaryExpression(containsBinaryExpression));

    protected override Statement VisitIfStatement(IfStatement ifStatement)
    {
        AddCondition(ifStatement.Condition);
        return base.VisitIfStatement(ifStatement);
    }

    protected override Statement VisitElseIfStatement(ElseIfStatement elseIfStatement)
    {
        AddCondition(elseIfStatement.Condition);
        return base.VisitElseIfStatement(elseIfStatement);
    }

    protected override Statement VisitUnlessStatement(UnlessStatement unlessStatement)
    {
        AddCondition(unlessStatement.Condition);
        return base.VisitUnlessStatement(unlessStatement);
    }

    protected override Statement VisitCaseStatement(CaseStatement caseStatement)
    {
        AddCondition(caseStatement.Expression);
        return base.VisitCaseStatement(caseStatement);
    }

    protected override Statement VisitAssignStatement(AssignStatement assignStatement)
    {
        var rewritten = base.VisitAssignStatement(assignStatement);
        _locals.Add(assignStatement.Identifier);
        return rewritten;
    }

    protected override Statement VisitCaptureStatement(CaptureStatement captureStatement)
    {
        var rewritten = base.VisitCaptureStatement(captureStatement);
        _locals.Add(captureStatement.Identifier);
        return rewritten;
    }

    protected override Statement VisitForStatement(ForStatement forStatement)
    {
        string[] locals = [.. ((string[])[forStatement.Identifier, "forloop"]).Where(_locals.Add)];
        var rewritten = base.VisitForStatement(forStatement);
        _locals.ExceptWith(locals);
        return rewritten;
    }

    protected override Statement VisitTextSpanStatement(TextSpanStatement textSpanStatement) =>
        new MeteredStatement(textSpanStatement, textSpanStatement.Text.Length);

    protected override Statement VisitRawStatement(RawStatement rawStatement) =>
        new MeteredStatement(rawStatement, rawStatement.Text.Length);

    private void AddCondition(Expression condition)
    {
        // A loop, because a chain of operators is deep on one side.
        var rest = new Stack<Expression>([condition]);
        while (rest.TryPop(out var expression))
        {
            _optional.Add(expression);
            if (expression is BinaryExpression { Left: var left, Right: var right })
            {
                rest.Push(left);
                rest.Push(right);
            }
        }
    }

    private T Nested<T>(Func<T> visit)
    {
        if (++_depth > MaxDepth)
            throw new LiquidException($"chains of filters and operators have at most about {MaxDepth} members");
        var visited = visit();
        _depth--;
        return visited;
    }

    private sealed class MeteredExpression(Expression expression) : Expression
    {
        public override async ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            var value = await expression.EvaluateAsync(context);
            ((RenderContext)context).Charge(value);
            return value;
        }
    }

    private sealed class MeteredStatement(Statement statement, int length) : Statement
    {
        public override ValueTask<Completion> WriteToAsync(TextWriter writer, TextEncoder encoder, TemplateContext context)
        {
            ((RenderContext)context).Charge(length);
            return statement.WriteToAsync(writer, encoder, context);
        }
    }

    private sealed class RequiredVariable(string name, Expression expression) : Expression
    {
        public override ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            ((RenderContext)context).Require(name);
            return expression.EvaluateAsync(context);
        }
    }

    /// <summary>Charges for the numbers of a range before Fluid makes an array of them.</summary>
    private sealed class BoundedRange(RangeExpression range) : Expression
    {
        public override async ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            var from = (await range.From.EvaluateAsync(context)).ToNumberValue();
            var to = (await range.To.EvaluateAsync(context)).ToNumberValue();
            ((RenderContext)context).Charge((double)to - (double)from);
            return await range.EvaluateAsync(context);
        }
    }

    /// <summary>Charges for the search of one text in another before Fluid begins the search.</summary>
    private sealed class BoundedContains(ContainsBinaryExpression contains) : Expression
    {
        public override async ValueTask<FluidValue> EvaluateAsync(TemplateContext context)
        {
            var text = await contains.Left.EvaluateAsync(context);
            var sought = await contains.Right.EvaluateAsync(context);
            ((RenderContext)context).ChargeSearch(text, sought);
            return await contains.EvaluateAsync(context);
        }
    }
}
