using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Data;

namespace LlmRing.Modules.Mcp;

/// <summary>What the lists of tools, resources and prompts are asked with.</summary>
internal sealed record ListOffersRequest
{
    [QueryParam, BindFrom("server_id")]
    public Guid? ServerId { get; init; }

    [QueryParam, BindFrom("is_active")]
    public bool IsActive { get; init; } = true;

    [QueryParam]
    public int Limit { get; init; } = 1000;

    [QueryParam]
    public int Offset { get; init; }

    public OfferQuery ToQuery() => new(ServerId, IsActive, Limit, Offset);
}

internal sealed class ListOffersValidator : Validator<ListOffersRequest>
{
    public ListOffersValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
