using System.Reflection;
using System.Text.Json.Serialization;
using LlmRing.Shared.Json;
using NJsonSchema;
using NJsonSchema.Generation;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Adds to the schema of a type what System.Text.Json and the validators know of its members: FastEndpoints.Swagger derives
/// schemas from Newtonsoft.Json, which sees neither their converters nor their constructors.
/// </summary>
internal sealed class SerializationProcessor(ValidationRules rules) : ISchemaProcessor
{
    public void Process(SchemaProcessorContext context)
    {
        var (type, schema) = (context.ContextualType.Type, context.Schema.ActualSchema);
        schema.EnumerationNames.Clear();
        if (!type.IsEnum && type.IsDefined(typeof(JsonConverterAttribute)))
        {
            AllowAnyJson(schema);
            return;
        }

        foreach (var member in JsonConventions.Options.GetTypeInfo(type).Properties)
        {
            if (!schema.Properties.TryGetValue(member.Name, out var property)
                || member.AttributeProvider is not PropertyInfo { Name: var name })
                continue;
            if (member.CustomConverter is not null && !property.IsEnumeration)
                AllowAnyJson(property);
            rules.Apply(type, name, property);
            if (member.AssociatedParameter is { HasDefaultValue: false })
                property.IsRequired = true;
            if (!rules.IsRequired(type, name))
                continue;
            (property.IsRequired, property.IsNullableRaw) = (true, null);
            // Only a nullable reference needs a schema around it.
            if (property.OneOf.SingleOrDefault() is { HasReference: true } only)
            {
                property.Reference = only.ActualSchema;
                property.OneOf.Clear();
            }
        }
    }

    /// <summary>What a converter reads and writes cannot be derived from the type.</summary>
    private static void AllowAnyJson(JsonSchema schema)
    {
        (schema.Type, schema.Format, schema.Item, schema.Reference) = (JsonObjectType.None, null, null, null);
        schema.Properties.Clear();
        schema.OneOf.Clear();
    }
}
