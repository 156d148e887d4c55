using System.Text.Json;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Filters;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.GetStats;

/// <summary>GET /api/v1/stats sums usages up.</summary>
internal sealed class GetStatsEndpoint(UsageFilterFactory filters, RollupRepository rollups, IModelPrices prices, StatsCache cache)
    : Endpoint<GetStatsRequest>
{
    public override void Configure()
    {
        Get("/api/v1/stats");
        Summary(summary =>
        {
            summary.Summary = "Sum usage and cost up";
            summary.Description = """
                Of the last 30 days unless `start_date` or `end_date` say otherwise (a bare end date includes its day). Days are those of
                `timezone`, by default UTC. Filters may be given several times (any of the values); `~none` selects usages without a value.
                With `group_by` the answer is an array of periods, newest first; weeks start on Monday.
                The cost of `unpriced_requests` is not known and not in the sums.
                Counts, tokens and costs are exact; the percentiles of latencies are at most 5 % off.
                """;
            summary.Response<StatsResponse>(StatusCodes.Status200OK, """
                Totals as an object; with `group_by` an array of periods:
                `[{"date", "total_calls", "total_tokens", "total_cost", "cached_input_tokens", "unpriced_requests", "unpriced_tokens",
                "by_model": {"openai:gpt-4.1": {"calls", "tokens", "cost"}}}]`.
                """);
        });
    }

    public override async Task HandleAsync(GetStatsRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var filter = await filters.CreateAsync(scope, request.ToSelection(), ValidationFailures, ct);
        var json = await cache.GetOrSetAsync(
            scope,
            $"{request.GroupBy}:{filter.ToCacheKey()}",
            async token => request.GroupBy is { } period
                ? JsonSerializer.SerializeToUtf8Bytes(
                    PeriodStats.Of(await rollups.SumAsync(scope, filter, period, token), period, prices),
                    JsonConventions.Options)
                : JsonSerializer.SerializeToUtf8Bytes(await SumAsync(scope, filter, token), JsonConventions.Options),
            ct);
        await Send.BytesAsync(json, contentType: "application/json", cancellation: ct);
    }

    private async Task<StatsResponse> SumAsync(Scope scope, UsageFilter filter, CancellationToken cancellationToken)
    {
        // Each takes about half of the time.
        var sums = rollups.SumAsync(scope, filter, StatsPeriod.Day, cancellationToken);
        var latencies = rollups.GetLatenciesAsync(scope, filter, cancellationToken);
        await Task.WhenAll(sums, latencies);
        return StatsResponse.Of([.. await sums], await latencies, prices);
    }
}

internal sealed record GetStatsRequest : UsageQuery
{
    [QueryParam, BindFrom("group_by")]
    public StatsPeriod? GroupBy { get; init; }
}

internal sealed class GetStatsValidator : UsageQueryValidator<GetStatsRequest>
{
    public GetStatsValidator() => RuleFor(request => request.GroupBy).IsInEnum();
}
