using System.Globalization;
using FluentValidation;
using FluentValidation.Validators;
using LlmRing.Host.Modules;
using Microsoft.OpenApi;

namespace LlmRing.Host.OpenApi;

/// <summary>What the validators of the modules check, in the words of a JSON schema: one source for both.</summary>
internal sealed class ValidationRules
{
    private readonly Dictionary<(Type Type, string Member), List<IPropertyValidator>> _rules = [];

    public ValidationRules(ModuleCatalog catalog)
    {
        var validators = catalog.Modules
            .SelectMany(module => module.Assembly.GetTypes())
            .Where(type => type is { IsAbstract: false, ContainsGenericParameters: false } && type.IsAssignableTo(typeof(IValidator)) && type.GetConstructor([]) is not null);
        foreach (var type in validators)
        {
            var validated = type.GetInterfaces().First(contract => contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(IValidator<>)).GenericTypeArguments[0];
            // Rules for the request as a whole belong to no member.
            foreach (var member in ((IValidator)Activator.CreateInstance(type)!).CreateDescriptor().GetMembersWithValidators().Where(member => member.Key is not null))
                _rules[(validated, Bare(member.Key))] = [.. member.Select(rule => rule.Validator)];
        }
    }

    public bool IsRequired(Type type, string member) => Of(type, member).Any(rule => rule is INotNullValidator or INotEmptyValidator);

    public void Apply(Type type, string member, OpenApiSchema schema)
    {
        foreach (var rule in Of(type, member))
        {
            switch (rule)
            {
                case ILengthValidator length:
                    schema.MinLength = length.Min > 0 ? length.Min : schema.MinLength;
                    schema.MaxLength = length.Max > 0 ? length.Max : schema.MaxLength;
                    break;
                case INotEmptyValidator when schema.Type?.HasFlag(JsonSchemaType.String) ?? false:
                    schema.MinLength ??= 1;
                    break;
                case IBetweenValidator between:
                    (schema.Minimum, schema.Maximum) = (Text(between.From), Text(between.To));
                    break;
                case IComparisonValidator { Comparison: Comparison.GreaterThanOrEqual } least:
                    schema.Minimum = Text(least.ValueToCompare);
                    break;
                case IComparisonValidator { Comparison: Comparison.GreaterThan } above:
                    schema.ExclusiveMinimum = Text(above.ValueToCompare);
                    break;
                case IComparisonValidator { Comparison: Comparison.LessThanOrEqual } most:
                    schema.Maximum = Text(most.ValueToCompare);
                    break;
            }
        }
    }

    private List<IPropertyValidator> Of(Type type, string member) => _rules.GetValueOrDefault((type, Bare(member)), []);

    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture);

    // FastEndpoints renames members as they look on the wire; properties keep their own names.
    private static string Bare(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
