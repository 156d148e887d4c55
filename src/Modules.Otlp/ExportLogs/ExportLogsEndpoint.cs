using FastEndpoints;
using LlmRing.Modules.Otlp.Calls;
using LlmRing.Modules.Otlp.Responses;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Otlp.ExportLogs;

/// <summary>POST /v1/logs logs the calls of models in exported log records.</summary>
internal sealed class ExportLogsEndpoint(CallReader calls, IUsageLedger ledger) : EndpointWithoutRequest
{
    public override void Configure()
    {
        Post("/v1/logs");
        Options(route => route.WithMetadata(
            new RequestSizeLimitAttribute(RequestReader.MaxBody),
            new BinaryBodyAttribute(OtlpFormat.Protobuf),
            new AcceptsBearerKeyAttribute(),
            OtlpFormat.Instance));
        Summary(summary =>
        {
            summary.Summary = "Log the LLM calls of OpenTelemetry logs";
            summary.Description = """
                OTLP over HTTP: `ExportLogsServiceRequest` as `application/x-protobuf` or `application/json`, also gzipped. The events
                `api_request` of Claude Code and `codex.sse_event` of the Codex CLI become usages, once each, also when the same call comes
                as a span. Other records are accepted, and nothing of them is kept.
                The key may also be sent as `Authorization: Bearer KEY`. Errors are `google.rpc.Status`.
                """;
            summary.DescribeResponses();
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var refused = new RefusedRecords();
        var usages = new List<NewUsage>();
        foreach (var record in await RequestReader.ReadAsync(HttpContext.Request, Signal.Logs, ct))
        {
            try
            {
                if (calls.ReadLog(record) is { } call)
                    usages.Add(call.Usage);
            }
            catch (RefusedRecordException refusal)
            {
                refused.Add($"log record {record.Name}", refusal.Message);
            }
        }

        if (usages.Count > 0)
            await ledger.WriteAsync(HttpContext.GetScope(), usages, (_, _) => Task.FromResult(new UsageChanges(usages, [])), ct);
        await OtlpFormat.WriteSuccessAsync(HttpContext, Signal.Logs, refused.Count, refused.Message, ct);
    }
}
