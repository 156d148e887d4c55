using System.Globalization;
using System.Text;
using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.ExportLogs;

/// <summary>GET /api/v1/logs/export streams usages, as many as there are.</summary>
internal sealed class ExportLogsEndpoint(UsageRepository usages, TimeProvider time) : Endpoint<ExportLogsRequest>
{
    private const int ChunkLength = 32 * 1024;

    public override void Configure()
    {
        Get("/api/v1/logs/export");
        Summary(summary =>
        {
            summary.Summary = "Export logged usages as CSV or NDJSON";
            summary.Description = "Streamed, newest first; time and filters are those of `/api/v1/logs`. The CSV begins with the columns of the command-line client: "
                + "logged_at, provider, model, alias, profile, origin, input_tokens, output_tokens, cached_input_tokens, cost.";
            summary.Response(StatusCodes.Status200OK, "The usages, `text/csv` or `application/x-ndjson`.");
        });
    }

    public override async Task HandleAsync(ExportLogsRequest request, CancellationToken ct)
    {
        var isCsv = request.Format is ExportFormat.Csv;
        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/x-ndjson";
        HttpContext.Response.Headers.ContentDisposition = $"attachment; filename=\"usage.{(isCsv ? "csv" : "ndjson")}\"";

        var chunk = new StringBuilder(isCsv ? CsvLine.Header : "");
        await foreach (var row in usages.StreamAsync(HttpContext.GetScope(), request.RangeAt(time.GetPostgresNow().UtcDateTime), request, ct))
        {
            if (isCsv)
                CsvLine.Append(chunk, row);
            else
                chunk.Append(JsonSerializer.Serialize(row, JsonConventions.Options)).Append('\n');
            if (chunk.Length < ChunkLength)
                continue;
            await HttpContext.Response.WriteAsync(chunk.ToString(), ct);
            chunk.Clear();
        }

        await HttpContext.Response.WriteAsync(chunk.ToString(), ct);
    }
}

internal sealed record ExportLogsRequest : UsageQuery
{
    [QueryParam]
    public ExportFormat Format { get; init; }
}

internal enum ExportFormat
{
    Csv,
    Ndjson,
}

internal sealed class ExportLogsValidator : UsageQueryValidator<ExportLogsRequest>
{
    public ExportLogsValidator() => RuleFor(request => request.Format).IsInEnum();
}

/// <summary>A usage as a line of CSV (RFC 4180).</summary>
internal static class CsvLine
{
    public const string Header =
        "logged_at,provider,model,alias,profile,origin,input_tokens,output_tokens,cached_input_tokens,cost,cost_source,latency_ms,id,id_at_origin,conversation_id,metadata\r\n";

    public static void Append(StringBuilder csv, LoggedUsageRow row)
    {
        csv.Append(CultureInfo.InvariantCulture, $"{row.LoggedAt:yyyy-MM-ddTHH:mm:ss.ffffffK},{Text(row.Provider)},{Text(row.Model)},{Text(row.Alias)},{Text(row.Profile)},{Text(row.Origin)},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.InputTokens},{row.OutputTokens},{row.CachedInputTokens},{row.Cost},{row.CostSource},{row.LatencyMs},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.Id},{Text(row.IdAtOrigin)},{row.ConversationId},{Text(row.Metadata.Text)}\r\n");
    }

    private static string? Text(string? text) =>
        text is not null && text.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;
}
