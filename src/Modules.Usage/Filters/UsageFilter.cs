using System.Text;
using System.Text.Json;
using Dapper;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>The usages that a query selects within its scope; null members select all.</summary>
/// <param name="Range">When they were logged.</param>
internal sealed record UsageFilter(DateRange Range)
{
    public string? Provider { get; init; }
    public string? Model { get; init; }
    public string? Alias { get; init; }
    public string? Origin { get; init; }
    public string? Profile { get; init; }

    /// <summary>
    /// The conditions on rows or rollups, but for the time. Only those that are given: a condition that also holds for a null
    /// parameter would keep the planner from estimating it.
    /// </summary>
    public string Conditions
    {
        get
        {
            var conditions = new StringBuilder();
            foreach (var (column, value) in (ReadOnlySpan<(string, string?)>)[
                ("provider = @provider", Provider),
                ("model = @model", Model),
                ("alias = @alias", Alias),
                ("origin = @origin", Origin),
                ("coalesce(profile, 'default') = @profile", Profile)])
            {
                if (value is not null)
                    conditions.Append(" and ").Append(column);
            }

            return conditions.ToString();
        }
    }

    /// <summary>Adds the parameters of <see cref="Conditions"/>.</summary>
    public void AddTo(DynamicParameters parameters) =>
        parameters.AddDynamicParams(new { provider = Provider, model = Model, alias = Alias, origin = Origin, profile = Profile });

    /// <summary>A text that two filters share only if they are equal. JSON, so that no value looks like two.</summary>
    public string ToCacheKey() =>
        JsonSerializer.Serialize((object?[])[Range.From.Ticks, Range.Until.Ticks, Provider, Model, Alias, Origin, Profile]);
}
