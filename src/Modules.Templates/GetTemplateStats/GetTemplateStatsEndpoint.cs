using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Templates.GetTemplateStats;

/// <summary>GET /api/v1/templates/stats says how much templates are used.</summary>
internal sealed class GetTemplateStatsEndpoint(TemplateRepository templates) : Endpoint<GetTemplateStatsRequest, IReadOnlyList<TemplateUsage>>
{
    public override void Configure()
    {
        Get("/api/v1/templates/stats");
        Summary(summary =>
        {
            summary.Summary = "Get how much templates are used";
            summary.Description = "The caller's and the global ones, most used first.";
            summary.Response<IReadOnlyList<TemplateUsage>>(200, "The most used templates.");
        });
    }

    public override async Task HandleAsync(GetTemplateStatsRequest req, CancellationToken ct) =>
        await Send.OkAsync(await templates.ListMostUsedAsync(HttpContext.GetScope(), req.Limit, ct), ct);
}

internal sealed record GetTemplateStatsRequest
{
    [QueryParam]
    public int Limit { get; init; } = 20;
}

/// <summary>How much one template is used.</summary>
internal sealed record TemplateUsage
{
    public required Guid TemplateId { get; init; }

    public required string TemplateName { get; init; }

    public long UsageCount { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

internal sealed class GetTemplateStatsValidator : Validator<GetTemplateStatsRequest>
{
    public GetTemplateStatsValidator() => RuleFor(request => request.Limit).InclusiveBetween(1, 50);
}
