using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Usage;

/// <summary>Which usages a query is about: of what time, and of what.</summary>
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

    public DateRange RangeAt(DateTime now) => DateRange.Of(StartDate, EndDate, now);
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
