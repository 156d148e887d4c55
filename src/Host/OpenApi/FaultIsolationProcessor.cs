using FastEndpoints.Swagger;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>
/// Runs the other processors, and leaves an operation that they cannot describe out of the document: the fault of one module
/// must not cost the document of all others.
/// </summary>
internal sealed partial class FaultIsolationProcessor(
    IReadOnlyList<IOperationProcessor> processors, ILogger<FaultIsolationProcessor> logger) : IOperationProcessor
{
    public bool Process(OperationProcessorContext context)
    {
        var operation = context.OperationDescription;
        try
        {
            if (!processors.All(processor => processor.Process(context)))
                return false;
            // NSwag throws for the whole document. Routes that differ only in their constraints are one path in it.
            if (context.Document.Paths.TryGetValue(operation.Path, out var path) && path.ContainsKey(operation.Method))
                throw new InvalidOperationException("Another endpoint has the same path in the document");
            return true;
        }
        catch (Exception exception)
        {
            var endpoint = context.GetEndpointDefinition()?.EndpointType.FullName;
            LogUndocumented(exception, operation.Method.ToUpperInvariant(), operation.Path, endpoint, exception.GetBaseException().Message);
            return false;
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "{Method} {Path} of {Endpoint} is left out of the OpenAPI document: {Reason}",
        EventName = "OperationUndocumented")]
    private partial void LogUndocumented(Exception exception, string method, string path, string? endpoint, string reason);
}
