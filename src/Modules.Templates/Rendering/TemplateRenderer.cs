using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fluid;
using Fluid.Values;
using FluentValidation.Results;

namespace LlmRing.Modules.Templates.Rendering;

/// <summary>Fills variables into the texts of a template.</summary>
internal sealed class TemplateRenderer
{
    private const int MaxOutput = 1_000_000;

    private readonly TemplateOptions _options;

    public TemplateRenderer(TimeProvider time)
    {
        _options = new TemplateOptions
        {
            MaxSteps = RenderContext.StepLimit,
            CultureInfo = CultureInfo.InvariantCulture,
            TimeZone = TimeZoneInfo.Utc,
            Now = time.GetUtcNow,
        };
        LiquidFilters.Bound(_options.Filters);
    }

    /// <summary>The messages of a template with the variables filled in.</summary>
    /// <param name="systemPrompt">The first message, if there is a system prompt.</param>
    /// <param name="initialMessages">The further messages, a JSON array.</param>
    /// <param name="variables">An object, or null for no variables.</param>
    /// <param name="failures">The missing variables, or the reason why a text cannot be rendered; empty where all is well.</param>
    public JsonArray Render(
        string? systemPrompt, string initialMessages, JsonElement? variables, out IReadOnlyList<ValidationFailure> failures)
    {
        var values = variables is { ValueKind: JsonValueKind.Object } given
            ? given.EnumerateObject().DistinctBy(member => member.Name).ToDictionary(member => member.Name, member => ToValue(member.Value))
            : [];
        var (budget, length, missing, faults) = (new RenderBudget(), 0, new List<string>(), new List<ValidationFailure>());

        var messages = TemplateTexts.Map(systemPrompt, initialMessages, (place, text) =>
        {
            if (faults.Count > 0)
                return text;
            try
            {
                var context = new RenderContext(_options, values, budget);
                var rendered = LiquidText.Parse(text).Render(context);
                missing.AddRange(context.Missing);
                return (length += rendered.Length) <= MaxOutput
                    ? rendered
                    : throw new LiquidException($"the messages have more than {MaxOutput:N0} characters together");
            }
            catch (LiquidException exception)
            {
                faults.Add(new ValidationFailure("id", $"{place} cannot be rendered: {exception.Message}.") { ErrorCode = "liquid" });
                return text;
            }
        });

        failures = faults is { Count: > 0 }
            ? faults
            : [.. missing.Distinct().Select(name =>
                new ValidationFailure($"variables['{name}']", $"The variable '{name}' is missing.") { ErrorCode = "NotNullValidator" })];
        return messages;
    }

    private static FluidValue ToValue(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => new StringValue(element.GetString()!),
        JsonValueKind.Number when element.TryGetDecimal(out var number) => NumberValue.Create(number),
        JsonValueKind.Number => new StringValue(element.GetRawText()),
        JsonValueKind.True => BooleanValue.True,
        JsonValueKind.False => BooleanValue.False,
        JsonValueKind.Array => new ArrayValue(element.EnumerateArray().Select(ToValue).ToArray()),
        JsonValueKind.Object => new DictionaryValue(new FluidValueDictionaryFluidIndexable(
            element.EnumerateObject().DistinctBy(member => member.Name)
                .ToDictionary(member => member.Name, member => ToValue(member.Value)))),
        _ => NilValue.Instance,
    };
}
