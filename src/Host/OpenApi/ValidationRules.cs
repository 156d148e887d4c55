using System.Collections.Concurrent;
using System.Globalization;
using FluentValidation;
using FluentValidation.Validators;
using LlmRing.Host.Modules;
using NJsonSchema;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// The ranges, lengths and required members that the validators of modules check. FastEndpoints.Swagger reads them for
/// bodies only, and keeps the validators of the first server of a process in a static field.
/// </summary>
internal sealed class ValidationRules(ModuleCatalog catalog)
{
    private readonly Lazy<ILookup<Type, Type>> _validators = new(() => catalog.Modules
        .SelectMany(module => module.Assembly.GetTypes())
        .Where(type => type is { IsAbstract: false, ContainsGenericParameters: false } && type.GetConstructor([]) is not null)
        .SelectMany(type => ValidatedBy(type).Select(validated => (Validated: validated, Validator: type)))
        .ToLookup(pair => pair.Validated, pair => pair.Validator));

    private readonly ConcurrentDictionary<Type, ILookup<string, IPropertyValidator>> _rules = new();

    /// <summary>Whether a validator refuses a request without the member.</summary>
    public bool IsRequired(Type type, string member) => Of(type, member).Any(rule => rule is INotNullValidator or INotEmptyValidator);

    /// <summary>Adds the bounds of the member to a schema of its own.</summary>
    public void Apply(Type type, string member, JsonSchema schema)
    {
        foreach (var rule in Of(type, member))
        {
            switch (rule)
            {
                case ILengthValidator length:
                    schema.MinLength = length.Min > 0 ? length.Min : schema.MinLength;
                    schema.MaxLength = length.Max > 0 ? length.Max : schema.MaxLength;
                    break;
                case INotEmptyValidator when schema.Type.HasFlag(JsonObjectType.String):
                    schema.MinLength ??= 1;
                    break;
                case INotEmptyValidator when schema.Type.HasFlag(JsonObjectType.Array):
                    schema.MinItems = Math.Max(schema.MinItems, 1);
                    break;
                case IBetweenValidator between:
                    (schema.Minimum, schema.Maximum) = (Number(between.From), Number(between.To));
                    break;
                case IComparisonValidator { Comparison: Comparison.GreaterThanOrEqual } least:
                    schema.Minimum = Number(least.ValueToCompare);
                    break;
                case IComparisonValidator { Comparison: Comparison.GreaterThan } above:
                    (schema.Minimum, schema.IsExclusiveMinimum) = (Number(above.ValueToCompare), true);
                    break;
                case IComparisonValidator { Comparison: Comparison.LessThanOrEqual } most:
                    schema.Maximum = Number(most.ValueToCompare);
                    break;
                case IComparisonValidator { Comparison: Comparison.LessThan } below:
                    (schema.Maximum, schema.IsExclusiveMaximum) = (Number(below.ValueToCompare), true);
                    break;
            }
        }
    }

    private IEnumerable<IPropertyValidator> Of(Type type, string member) => _rules.GetOrAdd(type, Read)[NormalizeName(member)];

    private static IEnumerable<Type> ValidatedBy(Type validator) => validator.GetInterfaces()
        .Where(contract => contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(IValidator<>))
        .Select(contract => contract.GenericTypeArguments[0]);

    // A rule with a condition does not hold for every request, and a rule for the elements of a list says nothing of the list.
    private ILookup<string, IPropertyValidator> Read(Type type) => _validators.Value[type]
        .SelectMany(validator => ((IValidator)Activator.CreateInstance(validator)!).CreateDescriptor().Rules)
        .Where(rule => rule is { PropertyName: not null, HasCondition: false, HasAsyncCondition: false } && !IsForElements(rule))
        .SelectMany(rule => rule.Components
            .Where(component => component is { HasCondition: false, HasAsyncCondition: false })
            .Select(component => (Member: NormalizeName(rule.PropertyName), component.Validator)))
        .ToLookup(rule => rule.Member, rule => rule.Validator);

    private static bool IsForElements(IValidationRule rule) => rule.GetType().GetInterfaces()
        .Any(contract => contract.IsGenericType && contract.GetGenericTypeDefinition() == typeof(ICollectionRule<,>));

    private static decimal? Number(object? value) =>
        value is int or long or decimal or double ? Convert.ToDecimal(value, CultureInfo.InvariantCulture) : null;

    // FastEndpoints gives validators the names of members on the wire; properties keep their own names.
    private static string NormalizeName(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
