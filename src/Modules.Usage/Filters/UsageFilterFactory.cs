using FastEndpoints;
using FluentValidation.Results;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>Makes the filter of a query: dates become instants, and names of models the providers and models that are stored.</summary>
internal sealed class UsageFilterFactory(TimeZones zones, RollupRepository rollups, IModelPrices prices, TimeProvider time)
{
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="query">A query that is valid by itself.</param>
    /// <param name="failures">The endpoint's list, which receives the reason of a refusal.</param>
    /// <param name="cancellationToken">Cancels the look-ups.</param>
    /// <exception cref="ValidationFailureException">The time zone is unknown, or the range ends before it starts.</exception>
    public async Task<UsageFilter> CreateAsync(
        Scope scope, UsageQuery query, List<ValidationFailure> failures, CancellationToken cancellationToken)
    {
        if (await FindZoneAsync(query, failures, cancellationToken) is not { } zone)
            throw new ValidationFailureException(failures, "The time zone is unknown.");
        var range = await RangeAsync(query, zone, cancellationToken);
        if (range.From >= range.Until)
        {
            failures.Add(Invalid("start_date", "The start must not be after the end."));
            throw new ValidationFailureException(failures, "The range ends before it starts.");
        }

        return new UsageFilter(range)
        {
            TimeZone = zone,
            Provider = FilterValues.Of(query.Provider),
            Models = FilterValues.Of(query.Model) is { } models ? await FindModelsAsync(scope, range, models.Values, cancellationToken) : null,
            Alias = FilterValues.Of(query.Alias),
            Origin = FilterValues.Of(query.Origin),
            Profile = FilterValues.Of(query.Profile),
            CostSource = FilterValues.Of(query.CostSource),
            ServiceTier = FilterValues.Of(query.ServiceTier, tier => tier is "standard" or "default" or "auto" ? "" : tier),
            ConversationId = FilterValues.Of(query.ConversationId, id => Guid.Parse(id).ToString()),
        };
    }

    private async Task<string?> FindZoneAsync(UsageQuery query, List<ValidationFailure> failures, CancellationToken cancellationToken)
    {
        var (name, parameter) = string.IsNullOrEmpty(query.TimeZone) ? (query.Tz, "tz") : (query.TimeZone, "timezone");
        if (string.IsNullOrEmpty(name))
            return TimeZones.Utc;

        var zone = await zones.FindAsync(name, cancellationToken);
        if (zone is null)
            failures.Add(Invalid(parameter, "Accepted is an IANA time zone, e.g. Europe/Berlin."));
        return zone;
    }

    private async Task<DateRange> RangeAsync(UsageQuery query, string zone, CancellationToken cancellationToken)
    {
        var start = query.StartDate is { } from ? DateRange.ParseStart(from) : default(QueryTime?);
        var end = query.EndDate is { } until ? DateRange.ParseEnd(until) : default(QueryTime?);
        if (zone is not TimeZones.Utc && ((QueryTime?[])[start, end]).Any(side => side is { IsLocal: true }))
        {
            var instants = await zones.ToUtcAsync([start?.Value ?? default, end?.Value ?? default], zone, cancellationToken);
            start = start is { IsLocal: true } ? new QueryTime(instants[0], IsLocal: false) : start;
            end = end is { IsLocal: true } ? new QueryTime(instants[1], IsLocal: false) : end;
        }

        return DateRange.Of(start?.Value, end?.Value, time.GetPostgresNow().UtcDateTime);
    }

    /// <summary>The stored models that have one of the names, or whose canonical name is one of them.</summary>
    private async Task<IReadOnlyList<ModelName>> FindModelsAsync(
        Scope scope, DateRange range, string[] names, CancellationToken cancellationToken) =>
    [
        .. (await rollups.ListModelsAsync(scope, range, cancellationToken)).Where(stored =>
            names.Contains(stored.Model)
            || prices.Canonicalize(stored.Provider, stored.Model) is var canonical
            && (names.Contains(canonical.Model) || names.Contains(canonical.ToString()))),
    ];

    private static ValidationFailure Invalid(string parameter, string message) => new(parameter, message) { ErrorCode = "InvalidValue" };
}
