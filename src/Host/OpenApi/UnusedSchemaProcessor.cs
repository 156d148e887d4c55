using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Removes schemas without a reference: the request of a GET is described by parameters, not by the schema of its type.
/// </summary>
internal sealed class UnusedSchemaProcessor : IDocumentProcessor
{
    public void Process(DocumentProcessorContext context)
    {
        var schemas = context.Document.Components.Schemas;
        List<string> unused;
        do
        {
            var json = context.Document.ToJson();
            unused = [.. schemas.Keys.Where(name => !json.Contains($"#/components/schemas/{name}\"", StringComparison.Ordinal))];
            foreach (var name in unused)
                schemas.Remove(name);
        }
        while (unused.Count > 0);
    }
}
