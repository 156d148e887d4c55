using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;

namespace Module1.ListEntries;

/// <summary>GET /api/v1/module-name answers the caller's texts, newest first.</summary>
internal sealed class ListEntriesEndpoint(EntryRepository entries) : Endpoint<ListEntriesRequest, IReadOnlyList<Entry>>
{
    public override void Configure()
    {
        Get("/api/v1/module-name");
        Summary(summary => summary.Summary = "List what was kept");
    }

    public override async Task HandleAsync(ListEntriesRequest req, CancellationToken ct) =>
        await Send.OkAsync(await entries.ListAsync(HttpContext.GetScope(), req.Limit, ct), ct);
}

internal sealed record ListEntriesRequest
{
    [QueryParam]
    public int Limit { get; init; } = 50;
}

internal sealed class ListEntriesValidator : Validator<ListEntriesRequest>
{
    public ListEntriesValidator() => RuleFor(request => request.Limit).InclusiveBetween(1, 500);
}
