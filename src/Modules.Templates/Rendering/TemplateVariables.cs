namespace LlmRing.Modules.Templates.Rendering;

/// <summary>The variables of a template.</summary>
internal static class TemplateVariables
{
    /// <summary>The names in the texts of a template, in the order of their first use; none where a text is not valid Liquid.</summary>
    public static IReadOnlyList<string> Of(string? systemPrompt, string initialMessages)
    {
        try
        {
            var names = new List<string>();
            TemplateTexts.Map(systemPrompt, initialMessages, (_, text) =>
            {
                names.AddRange(LiquidText.Parse(text).Variables);
                return text;
            });
            return [.. names.Distinct()];
        }
        catch (LiquidException)
        {
            return [];
        }
    }
}
