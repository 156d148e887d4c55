using System.Text;
using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.ExportLogs;

/// <summary>GET /api/v1/logs/export streams all usages that the filters select.</summary>
internal sealed class ExportLogsEndpoint(UsageLogRepository logs, UsageFilterFactory filters) : Endpoint<ExportLogsRequest>
{
    private const int ChunkLength = 32 * 1024;

    public override void Configure()
    {
        Get("/api/v1/logs/export");
        Options(route => route.WithMetadata(new StreamedResponseAttribute()));
        Summary(summary =>
        {
            summary.Summary = "Export logged usages as CSV or NDJSON";
            summary.Description = """
                Streamed, newest first; time and filters are those of `/api/v1/logs`. The CSV begins with the columns of the
                command-line client: logged_at, provider, model, alias, profile, origin, input_tokens, output_tokens, cached_input_tokens,
                cost.
                A CSV text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return has a leading apostrophe, so that no spreadsheet
                takes it for a formula.
                """;
            summary.Response(StatusCodes.Status200OK, "The usages, `text/csv` or `application/x-ndjson`.");
        });
    }

    public override async Task HandleAsync(ExportLogsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var filter = await filters.CreateAsync(scope, request.ToSelection(), ValidationFailures, ct);
        var isCsv = request.Format is ExportFormat.Csv;
        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = isCsv ? "text/csv; charset=utf-8" : "application/x-ndjson";
        HttpContext.Response.Headers.ContentDisposition = $"attachment; filename=\"usage.{(isCsv ? "csv" : "ndjson")}\"";

        var chunk = new StringBuilder(isCsv ? CsvLine.Header : "");
        await foreach (var row in logs.StreamAsync(scope, filter, ct))
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
