using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;
using Module1.Storage;

namespace Module1.ListEntries;

/// <summary>GET /api/v1/module-name lists the caller's entries, newest first.</summary>
internal sealed class ListEntriesEndpoint(EntryRepository entries) : Endpoint<ListEntriesRequest, IReadOnlyList<Entry>>
{
    public override void Configure()
    {
        Get("/api/v1/module-name");
        Summary(summary => summary.Summary = "List entries");
    }

    public override async Task HandleAsync(ListEntriesRequest request, CancellationToken ct) =>
        await Send.OkAsync(await entries.ListAsync(HttpContext.GetScope(), request.Limit, ct), ct);
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
