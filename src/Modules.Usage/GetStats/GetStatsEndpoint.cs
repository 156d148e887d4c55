using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.GetStats;

/// <summary>GET /api/v1/stats sums usages up.</summary>
internal sealed class GetStatsEndpoint(UsageRepository usages, StatsCache cache, TimeProvider time) : Endpoint<GetStatsRequest>
{
    public override void Configure()
    {
        Get("/api/v1/stats");
        Summary(summary =>
        {
            summary.Summary = "Sum usage and cost up";
            summary.Description = "Of the last 30 days unless `start_date` or `end_date` say otherwise (a bare end date includes its day; days are UTC). "
                + "With `group_by` the answer is an array of periods, newest first; weeks start on Monday. "
                + "Counts, tokens and costs are exact; the percentiles of latencies are at most 5 % off.";
            summary.Response<StatsResponse>(StatusCodes.Status200OK, "Totals as an object; with `group_by` an array of periods: "
                + "`[{\"date\", \"total_calls\", \"total_tokens\", \"total_cost\", \"by_model\": {\"openai:gpt-4.1\": {\"calls\", \"tokens\", \"cost\"}}}]`.");
        });
    }

    public override async Task HandleAsync(GetStatsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var range = request.RangeAt(time.GetPostgresNow().UtcDateTime);
        var json = await cache.GetOrSetAsync(
            scope,
            $"{request}:{range.From.Ticks}:{range.Until.Ticks}",
            async token => request.GroupBy is { } unit
                ? JsonSerializer.SerializeToUtf8Bytes(PeriodStats.Of(await usages.SumAsync(scope, range, request, unit, token), unit), JsonConventions.Options)
                : JsonSerializer.SerializeToUtf8Bytes(
                    StatsResponse.Of(
                        [.. await usages.SumAsync(scope, range, request, StatsPeriod.Day, token)],
                        await usages.GetLatenciesAsync(scope, range, request, token)),
                    JsonConventions.Options),
            ct);
        await Send.BytesAsync(json, contentType: "application/json", cancellation: ct);
    }
}

internal sealed record GetStatsRequest : UsageQuery
{
    [QueryParam, BindFrom("group_by")]
    public StatsPeriod? GroupBy { get; init; }
}

/// <summary>The length of a period.</summary>
internal enum StatsPeriod
{
    Hour,
    Day,
    Week,
    Month,
}

internal sealed class GetStatsValidator : UsageQueryValidator<GetStatsRequest>
{
    public GetStatsValidator() => RuleFor(request => request.GroupBy).IsInEnum();
}
