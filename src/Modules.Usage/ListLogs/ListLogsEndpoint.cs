using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Http;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.ListLogs;

/// <summary>GET /api/v1/logs lists usages, newest first.</summary>
internal sealed class ListLogsEndpoint(UsageRepository usages, TimeProvider time) : Endpoint<ListLogsRequest, IReadOnlyList<LoggedUsageRow>>
{
    public override void Configure()
    {
        Get("/api/v1/logs");
        Summary(summary =>
        {
            summary.Summary = "List logged usages";
            summary.Description = "Newest first; of the last 30 days unless `start_date` or `end_date` say otherwise (a bare end date includes its day). "
                + "A full page carries the header `X-Next-Cursor`: sent back as `cursor` it brings the next page, however deep, at the same price.";
            summary.Response<IReadOnlyList<LoggedUsageRow>>(StatusCodes.Status200OK, "A page.");
        });
    }

    public override async Task HandleAsync(ListLogsRequest request, CancellationToken ct)
    {
        var range = DateRange.Of(request.StartDate, request.EndDate, time.GetTimestampUtc());
        var rows = await usages.ListAsync(HttpContext.GetScope(), range, request, ct);
        if (rows.Count == request.Limit)
            HttpContext.Response.Headers["X-Next-Cursor"] = LogCursor.Of(rows[^1]).ToString();
        await Send.OkAsync(rows, ct);
    }
}

internal sealed record ListLogsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 50;

    [QueryParam]
    public int Offset { get; init; }

    [QueryParam]
    public string? Cursor { get; init; }

    [QueryParam, BindFrom("start_date")]
    public string? StartDate { get; init; }

    [QueryParam, BindFrom("end_date")]
    public string? EndDate { get; init; }

    [QueryParam]
    public string? Alias { get; init; }

    [QueryParam]
    public string? Model { get; init; }

    [QueryParam]
    public string? Origin { get; init; }
}

internal sealed class ListLogsValidator : Validator<ListLogsRequest>
{
    public ListLogsValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 500);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
        RuleFor(request => request.StartDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.EndDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.Cursor).Must(cursor => cursor is null || LogCursor.TryParse(cursor, out _)).WithMessage("No cursor of this server.");
    }
}

/// <summary>A stored usage as its owner sees it.</summary>
internal sealed record LoggedUsageRow
{
    public Guid Id { get; init; }
    public DateTimeOffset LoggedAt { get; init; }
    public string Provider { get; init; } = "";
    public string Model { get; init; } = "";
    public string? Alias { get; init; }
    public string Profile { get; init; } = "";
    public string? Origin { get; init; }
    public int InputTokens { get; init; }
    public int OutputTokens { get; init; }
    public int CachedInputTokens { get; init; }
    public decimal Cost { get; init; }
    public string CostSource { get; init; } = "";
    public int? LatencyMs { get; init; }
    public JsonElement Metadata => MetadataText is null ? JsonElement.Parse("{}") : Unwrapped(JsonElement.Parse(MetadataText));
    public Guid? ConversationId { get; init; }
    public string? IdAtOrigin { get; init; }

    [JsonIgnore]
    public string? MetadataText { get; init; }

    /// <summary>Some rows of the reference hold JSON inside a JSON string.</summary>
    private static JsonElement Unwrapped(JsonElement json)
    {
        if (json.ValueKind is not JsonValueKind.String)
            return json;
        try
        {
            return JsonElement.Parse(json.GetString()!);
        }
        catch (JsonException)
        {
            return json;
        }
    }
}
