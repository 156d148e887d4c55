using System.Text;
using System.Text.Json;
using Dapper;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>The usages that a query selects within its scope; null members select all.</summary>
/// <param name="Range">When the calls were made.</param>
internal sealed record UsageFilter(DateRange Range)
{
    /// <summary>The IANA name of the time zone whose days, weeks and months are summed.</summary>
    public string TimeZone { get; init; } = TimeZones.Utc;

    public FilterValues? Provider { get; init; }

    /// <summary>Providers and models as they are stored.</summary>
    public IReadOnlyList<ModelName>? Models { get; init; }

    public FilterValues? Alias { get; init; }
    public FilterValues? Origin { get; init; }
    public FilterValues? Profile { get; init; }
    public FilterValues? CostSource { get; init; }

    /// <summary>The standard tier is the absent value.</summary>
    public FilterValues? ServiceTier { get; init; }

    public FilterValues? ConversationId { get; init; }

    /// <summary>Whether only the rows can answer, because rollups do not have a column of the filter.</summary>
    public bool NeedsRows => ConversationId is not null;

    /// <summary>Whether rollups must be split by cost source and service tier.</summary>
    public bool NeedsSplit => CostSource is not null || ServiceTier is not null;

    /// <summary>Whether the filter selects by anything but the time.</summary>
    public bool HasConditions =>
        NeedsRows || NeedsSplit || Provider is not null || Models is not null || Alias is not null || Origin is not null
            || Profile is not null;

    // Only those that are given: a condition that also holds for a null parameter would keep the planner from estimating it.

    /// <summary>The conditions on rollups, but for the time. They know nothing of conversations.</summary>
    public string RollupConditions => Conditions(
        (Provider, "provider = any(@provider)"),
        (Alias, "alias = any(@alias)"),
        (Origin, "origin = any(@origin)"),
        (Profile, "profile = any(@profile)"),
        (CostSource, "cost_source = any(@costSource)"),
        (ServiceTier, "service_tier = any(@serviceTier)"));

    /// <summary>The conditions on rows, but for the time.</summary>
    public string RowConditions => Conditions(
        (Provider, "provider = any(@provider)"),
        (Alias, OrAbsent(Alias, "alias = any(@alias)", "alias")),
        (Origin, OrAbsent(Origin, "origin = any(@origin)", "origin")),
        (Profile, "coalesce(profile, 'default') = any(@profile)"),
        // In this form the partial index of unpriced usages serves; clients see rows of the reference server as their own.
        (CostSource, CostSource?.Values.Contains(CostSources.Client) is true
            ? $"(cost_source = any(@costSource) or cost_source = '{CostSources.Adopted}' or cost_source is null)"
            : "cost_source = any(@costSource)"),
        (ServiceTier, OrAbsent(ServiceTier, "service_tier = any(@serviceTier)", "service_tier")),
        (ConversationId, OrAbsent(ConversationId, "conversation_id = any(@conversationIds)", "conversation_id")));

    /// <summary>Adds the parameters of <see cref="RollupConditions"/> and <see cref="RowConditions"/>.</summary>
    public void AddTo(DynamicParameters parameters) => parameters.AddDynamicParams(new
    {
        provider = Provider?.Values,
        modelProviders = Models?.Select(model => model.Provider).ToArray(),
        models = Models?.Select(model => model.Model).ToArray(),
        alias = Alias?.Values,
        origin = Origin?.Values,
        profile = Profile?.Values,
        costSource = CostSource?.Values,
        serviceTier = ServiceTier?.Values,
        conversationIds = ConversationId?.Values.Where(id => id.Length > 0).Select(Guid.Parse).ToArray(),
    });

    /// <summary>A text that two filters share only if they are equal. JSON, so that no value looks like two.</summary>
    public string ToCacheKey() => JsonSerializer.Serialize((object?[])[
        Range.From.Ticks, Range.Until.Ticks, TimeZone, Provider?.Values, Models, Alias?.Values, Origin?.Values, Profile?.Values,
        CostSource?.Values, ServiceTier?.Values, ConversationId?.Values]);

    private static string OrAbsent(FilterValues? values, string condition, string column) =>
        values is { IncludesAbsent: true } ? $"({condition} or {column} is null)" : condition;

    private string Conditions(params ReadOnlySpan<(FilterValues? Values, string Condition)> columns)
    {
        var conditions = new StringBuilder();
        foreach (var (values, condition) in columns)
        {
            if (values is not null)
                conditions.Append(" and ").Append(condition);
        }

        if (Models is not null)
            conditions.Append(" and (provider, model) in (select * from unnest(@modelProviders, @models))");
        return conditions.ToString();
    }
}
