using FastEndpoints;
using FluentValidation;

namespace LlmRing.Modules.Mcp.Features;

/// <summary>The query of the routes that list tools, resources and prompts.</summary>
internal sealed record ListServerFeaturesRequest
{
    [QueryParam, BindFrom("server_id")]
    public Guid? ServerId { get; init; }

    [QueryParam, BindFrom("is_active")]
    public bool IsActive { get; init; } = true;

    [QueryParam]
    public int Limit { get; init; } = 1000;

    [QueryParam]
    public int Offset { get; init; }

    public ServerFeatureQuery ToQuery() => new(ServerId, IsActive, Limit, Offset);
}

internal sealed class ListServerFeaturesValidator : Validator<ListServerFeaturesRequest>
{
    public ListServerFeaturesValidator()
    {
        RuleFor(request => request.Limit).InclusiveBetween(1, 1000);
        RuleFor(request => request.Offset).GreaterThanOrEqualTo(0);
    }
}
