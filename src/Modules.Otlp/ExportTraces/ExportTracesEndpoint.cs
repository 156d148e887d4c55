using FastEndpoints;
using LlmRing.Modules.Otlp.Calls;
using LlmRing.Modules.Otlp.Responses;
using LlmRing.Modules.Otlp.Traces;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Otlp.ExportTraces;

/// <summary>POST /v1/traces logs the calls of models in exported spans.</summary>
internal sealed class ExportTracesEndpoint(CallReader calls, TraceStore store) : EndpointWithoutRequest
{
    public override void Configure()
    {
        Post("/v1/traces");
        Options(route => route.WithMetadata(
            new RequestSizeLimitAttribute(RequestReader.MaxBody),
            new BinaryBodyAttribute(OtlpFormat.Protobuf),
            new AcceptsBearerKeyAttribute(),
            OtlpFormat.Instance));
        Summary(summary =>
        {
            summary.Summary = "Log the LLM calls of OpenTelemetry traces";
            summary.Description = """
                OTLP over HTTP: `ExportTraceServiceRequest` as `application/x-protobuf` or `application/json`, also gzipped. Each call of a
                model becomes one usage, also when its spans are sent again, split or out of order; wrappers, tools and other spans are
                accepted and not billed. Spans with invalid counts, ids or times are refused one by one (`partial_success`).
                The key may also be sent as `Authorization: Bearer KEY`. Errors are `google.rpc.Status`.
                """;
            summary.DescribeResponses();
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var records = await RequestReader.ReadAsync(HttpContext.Request, Signal.Traces, ct);
        var refused = new RefusedRecords();
        await store.WriteAsync(scope, TraceRequest.Read(scope, records, calls, refused), ct);
        await OtlpFormat.WriteSuccessAsync(HttpContext, Signal.Traces, refused.Count, refused.Message, ct);
    }
}
