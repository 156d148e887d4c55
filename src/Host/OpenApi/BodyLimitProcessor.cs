using System.Globalization;
using LlmRing.Host.Pipeline.RequestBodies;
using Microsoft.AspNetCore.Http.Metadata;
using NSwag.Generation.AspNetCore;
using NSwag.Generation.Processors;
using NSwag.Generation.Processors.Contexts;

namespace LlmRing.Host.OpenApi;

/// <summary>Says in the description of an operation how large its body may be.</summary>
internal sealed class BodyLimitProcessor : IOperationProcessor
{
    private const int Mebibyte = 1024 * 1024;

    public bool Process(OperationProcessorContext context)
    {
        var operation = context.OperationDescription.Operation;
        if (operation.RequestBody is null)
            return true;

        var metadata = ((AspNetCoreOperationProcessorContext)context).ApiDescription.ActionDescriptor.EndpointMetadata;
        var limit = metadata.OfType<IRequestSizeLimitMetadata>().LastOrDefault()?.MaxRequestBodySize ?? RequestBodySettings.DefaultLimit;
        operation.Description = $"{operation.Description?.TrimEnd()}\nThe body has at most {Describe(limit)}, unpacked.".TrimStart();
        return true;
    }

    private static string Describe(long bytes) => bytes % Mebibyte == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / Mebibyte} MiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / 1_000_000m} MB");
}
