using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using Module1.Storage;

namespace Module1.AddEntry;

/// <summary>POST /api/v1/module-name adds an entry.</summary>
internal sealed class AddEntryEndpoint(EntryRepository entries, ModuleClassSettings settings) : Endpoint<AddEntryRequest, Entry>
{
    public override void Configure()
    {
        Post("/api/v1/module-name");
        Summary(summary =>
        {
            summary.Summary = "Add an entry";
            summary.ExampleRequest = new AddEntryRequest { Text = "Remember the milk" };
            summary.Response<Entry>(StatusCodes.Status200OK, "The new entry.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The key has the largest number of entries already.");
        });
    }

    public override async Task HandleAsync(AddEntryRequest request, CancellationToken ct)
    {
        if (await entries.AddAsync(HttpContext.GetScope(), request.Text!, settings.MaxEntries, ct) is { } entry)
            await Send.OkAsync(entry, ct);
        else
            await Send.DetailAsync(StatusCodes.Status409Conflict, $"There are {settings.MaxEntries} entries already", ct);
    }
}

internal sealed record AddEntryRequest
{
    public string? Text { get; init; }
}

internal sealed class AddEntryValidator : Validator<AddEntryRequest>
{
    public AddEntryValidator() => RuleFor(request => request.Text).NotNull().Length(1, 500);
}
