using FastEndpoints;
using FluentValidation.Results;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>Makes the filter of a request: dates become instants, and names of models the providers and models that are stored.</summary>
internal sealed class UsageFilterFactory(TimeZones zones, RollupRepository rollups, IModelPrices prices, TimeProvider time)
{
    /// <param name="scope">The scope of the usages.</param>
    /// <param name="selection">The filters of the request.</param>
    /// <param name="failures">The endpoint's list, which receives the reason of a refusal.</param>
    /// <param name="cancellationToken">Cancels the look-ups.</param>
    /// <exception cref="ValidationFailureException">The time zone is unknown, or the range ends before it starts.</exception>
    public async Task<UsageFilter> CreateAsync(
        Scope scope, UsageSelection selection, List<ValidationFailure> failures, CancellationToken cancellationToken)
    {
        if (await FindZoneAsync(selection, failures, cancellationToken) is not { } zone)
            throw new ValidationFailureException(failures, "The time zone is unknown.");
        var range = await RangeAsync(selection, zone, cancellationToken);
        if (range.From >= range.Until)
        {
            failures.Add(Invalid("start_date", "The start must not be after the end."));
            throw new ValidationFailureException(failures, "The range ends before it starts.");
        }

        return new UsageFilter(range)
        {
            TimeZone = zone,
            Provider = FilterValues.Of(selection.Provider),
            Models = FilterValues.Of(selection.Model) is { } models ? await FindModelsAsync(
                scope, range, models.Values, cancellationToken) : null,
            Alias = FilterValues.Of(selection.Alias),
            Origin = FilterValues.Of(selection.Origin),
            Profile = FilterValues.Of(selection.Profile),
            CostSource = FilterValues.Of(selection.CostSource),
            ServiceTier = FilterValues.Of(selection.ServiceTier, tier => ServiceTiers.Normalize(tier) ?? ""),
            ConversationId = FilterValues.Of(selection.ConversationId, id => Guid.Parse(id).ToString()),
        };
    }

    /// <summary>Whether a model is named so, as it is stored or by its canonical name.</summary>
    public bool HasName(ModelName stored, params ReadOnlySpan<string> names) =>
        names.Contains(stored.Model)
        || (prices.Canonicalize(stored.Provider, stored.Model) is var canonical
            && (names.Contains(canonical.Model) || names.Contains(canonical.ToString())));

    private async Task<string?> FindZoneAsync(
        UsageSelection selection, List<ValidationFailure> failures, CancellationToken cancellationToken)
    {
        if (string.IsNullOrEmpty(selection.TimeZone))
            return TimeZones.Utc;

        var zone = await zones.FindAsync(selection.TimeZone, cancellationToken);
        if (zone is null)
            failures.Add(Invalid("timezone", "Accepted is an IANA time zone, e.g. Europe/Berlin."));
        return zone;
    }

    private async Task<DateRange> RangeAsync(UsageSelection selection, string zone, CancellationToken cancellationToken)
    {
        var start = selection.StartDate is { } from ? DateRange.ParseStart(from) : default(QueryTime?);
        var end = selection.EndDate is { } until ? DateRange.ParseEnd(until) : default(QueryTime?);
        return DateRange.Of(
            await ToUtcAsync(start, zone, cancellationToken),
            await ToUtcAsync(end, zone, cancellationToken),
            time.GetPostgresNow().UtcDateTime);
    }

    private async ValueTask<DateTime?> ToUtcAsync(QueryTime? side, string zone, CancellationToken cancellationToken) =>
        side is { IsLocal: true } local && zone is not TimeZones.Utc
            ? await zones.ToUtcAsync(local.Value, zone, cancellationToken)
            : side?.Value;

    /// <summary>The stored models that have one of the names, or whose canonical name is one of them.</summary>
    private async Task<IReadOnlyList<ModelName>> FindModelsAsync(
        Scope scope, DateRange range, string[] names, CancellationToken cancellationToken) =>
        [.. (await rollups.ListModelsAsync(scope, range, cancellationToken)).Where(stored => HasName(stored, names))];

    private static ValidationFailure Invalid(string parameter, string message) => new(parameter, message) { ErrorCode = "InvalidValue" };
}
