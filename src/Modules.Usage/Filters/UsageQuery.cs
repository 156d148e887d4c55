using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Storage;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>
/// The query parameters that lists, exports and statistics have in common. Each filter may be given several times (any of the values);
/// <c>~none</c> selects usages without a value.
/// </summary>
internal abstract record UsageQuery
{
    [QueryParam, BindFrom("start_date")]
    public string? StartDate { get; init; }

    [QueryParam, BindFrom("end_date")]
    public string? EndDate { get; init; }

    /// <summary>An IANA name, e.g. <c>Europe/Berlin</c>: bare dates, days, weeks and months are those of that zone. Default: UTC.</summary>
    [QueryParam, BindFrom("timezone")]
    public string? TimeZone { get; init; }

    /// <summary>Another name of <c>timezone</c>.</summary>
    [QueryParam, BindFrom("tz")]
    public string? Tz { get; init; }

    [QueryParam]
    public IReadOnlyList<string>? Provider { get; init; }

    [QueryParam]
    public IReadOnlyList<string>? Model { get; init; }

    [QueryParam]
    public IReadOnlyList<string>? Alias { get; init; }

    [QueryParam]
    public IReadOnlyList<string>? Origin { get; init; }

    [QueryParam]
    public IReadOnlyList<string>? Profile { get; init; }

    [QueryParam, BindFrom("cost_source")]
    public IReadOnlyList<string>? CostSource { get; init; }

    [QueryParam, BindFrom("conversation_id")]
    public IReadOnlyList<string>? ConversationId { get; init; }

    [QueryParam, BindFrom("service_tier")]
    public IReadOnlyList<string>? ServiceTier { get; init; }

    public UsageSelection ToSelection() => new()
    {
        StartDate = StartDate,
        EndDate = EndDate,
        TimeZone = string.IsNullOrEmpty(TimeZone) ? Tz : TimeZone,
        Provider = Provider,
        Model = Model,
        Alias = Alias,
        Origin = Origin,
        Profile = Profile,
        CostSource = CostSource,
        ConversationId = ConversationId,
        ServiceTier = ServiceTier,
    };
}

internal abstract class UsageQueryValidator<TQuery> : Validator<TQuery>
    where TQuery : UsageQuery
{
    /// <summary>Values of one filter: more would make statements of any length.</summary>
    private const int MaxValues = 100;

    private static readonly string[] AcceptedSources =
        [CostSources.Client, CostSources.Registry, CostSources.Own, CostSources.Estimated, CostSources.Unpriced];

    protected UsageQueryValidator()
    {
        RuleFor(query => query.StartDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(query => query.EndDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(query => query.Provider).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.Model).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.Alias).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.Origin).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.Profile).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.ServiceTier).Must(IsBounded).WithMessage(TooMany);
        RuleFor(query => query.ConversationId).Must(IsBounded).WithMessage(TooMany)
            .Must(ids => ids is null || ids.All(id => id is "" or "~none" || Guid.TryParse(id, out _)))
            .WithMessage("Accepted are UUIDs and ~none.");
        RuleFor(query => query.CostSource).Must(IsBounded).WithMessage(TooMany)
            .Must(sources => sources is null || sources.All(source => source is "" or "~none" || AcceptedSources.Contains(source)))
            .WithMessage($"Accepted are {string.Join(", ", AcceptedSources)}.");
    }

    private static string TooMany => $"At most {MaxValues} values.";

    private static bool IsBounded(IReadOnlyList<string>? values) => values is null || values.Count <= MaxValues;
}
