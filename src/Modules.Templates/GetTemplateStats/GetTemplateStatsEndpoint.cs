using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Templates.Storage;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Templates.GetTemplateStats;

/// <summary>GET /api/v1/templates/stats lists how much templates are used.</summary>
internal sealed class GetTemplateStatsEndpoint(TemplateRepository templates)
    : Endpoint<GetTemplateStatsRequest, IReadOnlyList<TemplateUsage>>
{
    public override void Configure()
    {
        Get("/api/v1/templates/stats");
        Summary(summary =>
        {
            summary.Summary = "Get the usage of templates";
            summary.Description = "The templates of the caller and the global ones, most used first.";
            summary.Response<IReadOnlyList<TemplateUsage>>(StatusCodes.Status200OK, "The most used templates.");
        });
    }

    public override async Task HandleAsync(GetTemplateStatsRequest request, CancellationToken ct) =>
        await Send.OkAsync(await templates.ListMostUsedAsync(HttpContext.GetScope(), request.Limit, ct), ct);
}

internal sealed record GetTemplateStatsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 20;
}

internal sealed class GetTemplateStatsValidator : Validator<GetTemplateStatsRequest>
{
    public GetTemplateStatsValidator() => RuleFor(request => request.Limit).InclusiveBetween(1, 50);
}
