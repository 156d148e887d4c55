using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>The query parameters that lists, exports and statistics have in common.</summary>
internal abstract record UsageQuery
{
    [QueryParam, BindFrom("start_date")]
    public string? StartDate { get; init; }

    [QueryParam, BindFrom("end_date")]
    public string? EndDate { get; init; }

    [QueryParam]
    public string? Provider { get; init; }

    [QueryParam]
    public string? Model { get; init; }

    [QueryParam]
    public string? Alias { get; init; }

    [QueryParam]
    public string? Origin { get; init; }

    [QueryParam]
    public string? Profile { get; init; }

    /// <param name="now">The time of the request, UTC.</param>
    public UsageFilter ToFilter(DateTime now) => new(DateRange.Of(StartDate, EndDate, now))
    {
        Provider = Provider,
        Model = Model,
        Alias = Alias,
        Origin = Origin,
        Profile = Profile,
    };
}

internal abstract class UsageQueryValidator<TQuery> : Validator<TQuery>
    where TQuery : UsageQuery
{
    protected UsageQueryValidator()
    {
        RuleFor(query => query.StartDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
        RuleFor(query => query.EndDate).Must(DateRange.IsDate).WithMessage(DateRange.Accepted);
    }
}
