using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Http;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.GetStats;

/// <summary>GET /api/v1/stats sums usages up.</summary>
internal sealed class GetStatsEndpoint(UsageRepository usages, TimeProvider time) : Endpoint<GetStatsRequest, object>
{
    public override void Configure()
    {
        Get("/api/v1/stats");
        Summary(summary =>
        {
            summary.Summary = "Sum usage and cost up";
            summary.Description = "Of the last 30 days unless `start_date` or `end_date` say otherwise (a bare end date includes its day; days are UTC). "
                + "With `group_by` the answer is an array of periods, newest first; weeks start on Monday.";
            summary.Response<StatsResponse>(StatusCodes.Status200OK, "Totals as an object; with `group_by` an array of periods: "
                + "`[{\"date\", \"total_calls\", \"total_tokens\", \"total_cost\", \"by_model\": {\"openai:gpt-4.1\": {\"calls\", \"tokens\", \"cost\"}}}]`.");
        });
    }

    public override async Task HandleAsync(GetStatsRequest request, CancellationToken ct)
    {
        var range = DateRange.Of(request.StartDate, request.EndDate, time.GetTimestampUtc());
        var unit = request.GroupBy ?? StatsPeriod.Day;
        var totals = await usages.SumAsync(HttpContext.GetScope(), range, unit.ToString().ToLowerInvariant(), ct);
        await Send.OkAsync(request.GroupBy is null ? StatsResponse.Of([.. totals]) : PeriodStats.Of(totals, unit), ct);
    }
}

internal sealed record GetStatsRequest
{
    [QueryParam, BindFrom("start_date")]
    public string? StartDate { get; init; }

    [QueryParam, BindFrom("end_date")]
    public string? EndDate { get; init; }

    [QueryParam, BindFrom("group_by")]
    public StatsPeriod? GroupBy { get; init; }
}

internal enum StatsPeriod
{
    Hour,
    Day,
    Week,
    Month,
}

internal sealed class GetStatsValidator : Validator<GetStatsRequest>
{
    public GetStatsValidator()
    {
        RuleFor(request => request.StartDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.EndDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(request => request.GroupBy).IsInEnum();
    }
}
