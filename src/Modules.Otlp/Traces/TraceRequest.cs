using LlmRing.Modules.Otlp.Calls;
using LlmRing.Modules.Otlp.Responses;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Otlp.Traces;

/// <summary>The spans of a request: those to store, and those that are refused.</summary>
internal static class TraceRequest
{
    private const int TraceIdDigits = 32;
    private const int SpanIdDigits = 16;
    private const string LostCounts = "it has no token counts, and attributes were dropped; raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT";

    /// <param name="scope">The sender.</param>
    /// <param name="records">The spans of the request.</param>
    /// <param name="calls">Reads calls.</param>
    /// <param name="refused">Receives the refused spans.</param>
    public static List<TraceSpan> Read(Scope scope, IEnumerable<TelemetryRecord> records, CallReader calls, RefusedRecords refused)
    {
        var spans = new List<TraceSpan>();
        foreach (var record in records)
        {
            try
            {
                if (ToSpan(scope, record, calls) is { } span)
                    spans.Add(span);
                if (SpanRoles.HasLostCounts(record))
                    refused.Warn($"span {record.SpanId}: {LostCounts}");
            }
            catch (RefusedRecordException refusal)
            {
                refused.Add($"span {record.SpanId}", refusal.Message);
            }
        }

        return spans;
    }

    /// <summary>Null for a span that decides nothing: a tool, at which paths end anyway, and a root that is no call.</summary>
    private static TraceSpan? ToSpan(Scope scope, TelemetryRecord record, CallReader calls)
    {
        CheckId(record.TraceId, TraceIdDigits, "trace id");
        CheckId(record.SpanId, SpanIdDigits, "span id");
        var isRoot = record.ParentSpanId.All(digit => digit == '0');
        if (!isRoot)
            CheckId(record.ParentSpanId, SpanIdDigits, "parent span id");
        var role = SpanRoles.Of(record);
        if (role is SpanRole.Tool || (role is SpanRole.Other && isRoot))
            return null;

        var call = role is SpanRole.Call ? calls.ReadSpan(record) : null;
        return new TraceSpan
        {
            TraceKey = TraceSpan.TraceKeyOf(scope, record.TraceId),
            SpanId = TraceSpan.SpanIdOf(record.SpanId),
            ParentId = isRoot ? null : TraceSpan.SpanIdOf(record.ParentSpanId),
            IsCall = call is not null,
            TwinKey = call?.TwinKey is { } twin ? TraceSpan.HashOf(twin) : null,
            Usage = call?.Usage,
        };
    }

    private static void CheckId(string id, int digits, string name)
    {
        if (id.Length != digits || id.All(digit => digit == '0'))
            throw new RefusedRecordException($"its {name} is not of {digits / 2} bytes, or is zero");
    }
}
