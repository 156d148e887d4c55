using System.Collections.Frozen;
using Fluid;
using Fluid.Values;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>
/// The filters of templates: those of standard Liquid. Fluid has more, of which some format with a width or precision of any size.
/// </summary>
internal static class LiquidFilters
{
    // A comparison by culture takes about this many times as long as a copy.
    private const int ComparisonCost = 32;

    /// <summary>The names that templates may use.</summary>
    public static FrozenSet<string> Names { get; } = FrozenSet.Create(
        "abs", "append", "at_least", "at_most", "base64_decode", "base64_encode", "capitalize", "ceil", "compact", "concat", "date",
        "default", "divided_by", "downcase", "escape", "escape_once", "find", "find_index", "first", "floor", "has", "join", "json",
        "last", "lstrip", "map", "minus", "modulo", "newline_to_br", "plus", "prepend", "reject", "remove", "remove_first",
        "remove_last", "replace", "replace_first", "replace_last", "reverse", "round", "rstrip", "size", "slice", "sort",
        "sort_natural", "split", "strip", "strip_html", "strip_newlines", "sum", "times", "truncate", "truncatewords", "uniq",
        "upcase", "url_decode", "url_encode", "where");

    /// <summary>Makes filters whose work is more than the size of their operands charge for the work before they begin.</summary>
    public static void Bound(FilterCollection filters)
    {
        foreach (var name in (string[])["remove", "remove_first", "remove_last", "split", "replace_first", "replace_last"])
            Charge(filters, name, (context, input, arguments) => context.ChargeSearch(input, arguments.At(0)));
        foreach (var name in (string[])["sort", "sort_natural", "uniq"])
        {
            Charge(filters, name, (context, input, _) =>
            {
                for (var i = 0; i < ComparisonCost; i++)
                    context.Charge(input);
            });
        }

        Charge(filters, "join", (context, input, arguments) =>
            context.Charge((double)Items(input) * arguments.At(0).ToStringValue().Length));
        Charge(filters, "replace", (context, input, arguments) =>
        {
            var (text, sought) = (input.ToStringValue(), arguments.At(0).ToStringValue());
            context.ChargeSearch(input, arguments.At(0));
            context.Charge((double)text.Length / Math.Max(1, sought.Length) * arguments.At(1).ToStringValue().Length);
        });
        Charge(filters, "date", (_, _, arguments) =>
        {
            // A directive such as %1000000000Y pads with a text of that length.
            if (arguments.At(0).ToStringValue().Any(char.IsAsciiDigit))
                throw new LiquidException("a format of the filter 'date' has no digits");
        });
    }

    private static int Items(FluidValue value) => value is ArrayValue array ? array.Values.Count : 1;

    private static void Charge(FilterCollection filters, string name, Action<RenderContext, FluidValue, FilterArguments> charge)
    {
        if (!filters.TryGetValue(name, out var filter))
            throw new InvalidOperationException($"Fluid has no filter '{name}'.");
        filters.AddFilter(name, (input, arguments, context) =>
        {
            charge((RenderContext)context, input, arguments);
            return filter(input, arguments, context);
        });
    }
}
