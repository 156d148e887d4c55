using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace Module1.AddEntry;

/// <summary>POST /api/v1/module-name keeps a text.</summary>
internal sealed class AddEntryEndpoint(EntryRepository entries, ModuleClassSettings settings) : Endpoint<AddEntryRequest, Entry>
{
    public override void Configure()
    {
        Post("/api/v1/module-name");
        Summary(summary =>
        {
            summary.Summary = "Keep a text";
            summary.ExampleRequest = new AddEntryRequest { Text = "Remember the milk" };
            summary.Response<Entry>(200, "The entry.");
            summary.Response<ErrorBody>(409, "There are as many entries as there may be.");
        });
    }

    public override async Task HandleAsync(AddEntryRequest req, CancellationToken ct)
    {
        if (await entries.AddAsync(HttpContext.GetScope(), req.Text!, settings.MaxEntries, ct) is { } entry)
            await Send.OkAsync(entry, ct);
        else
            await Send.DetailAsync(409, $"There are {settings.MaxEntries} entries already", ct);
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
