using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Conversations.Search;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Conversations.SearchConversations;

/// <summary>GET /search finds words in the caller's titles and messages.</summary>
internal sealed class SearchConversationsEndpoint(SearchIndex index)
    : Endpoint<SearchConversationsRequest, IReadOnlyList<SearchHit>>
{
    public override void Configure()
    {
        Get(ConversationRoutes.Of("/search"));
        Summary(summary =>
        {
            summary.Summary = "Search titles and messages";
            summary.Description = """
                Finds titles and messages with all words of `q`, in any language, without stemming: also words inside text without blanks
                (Chinese, Japanese, Thai, Korean), and parts of identifiers, names, paths and codes (`retries` in `config.max_retries=5`).
                Case and accents do not matter. `"a phrase"`, `or`, `-without` and `prefix*` work. Of multimodal content and of tool calls
                and results the texts are found. Best matches first, ranked among the newest 10,000. A hit without `message_id` is a title.
                `snippet` is HTML: the text is escaped, matches are in `<mark>`. Messages stored without content are not found.
                """;
            summary.Response<IReadOnlyList<SearchHit>>(StatusCodes.Status200OK, "A page of hits.");
            summary.ResponseExamples[StatusCodes.Status200OK] = (SearchHit[])[new SearchHit
            {
                ConversationId = Guid.Parse("01a20b3f-91ca-7d18-af49-e1a5386f780f"),
                Title = "Trip to Bern",
                MessageId = Guid.Parse("01a20b3f-91cf-72f7-8a70-cba76ef0423e"),
                Position = 1,
                Role = "user",
                Snippet = "Which way to the <mark>station</mark>?",
                Rank = 0.03f,
                Timestamp = new DateTimeOffset(2026, 11, 24, 9, 30, 0, TimeSpan.Zero),
            }];
        });
    }

    public override async Task HandleAsync(SearchConversationsRequest request, CancellationToken ct) =>
        await Send.OkAsync(await index.SearchAsync(HttpContext.GetScope(), request.Q!, request.Limit, request.Offset, ct), ct);
}

internal sealed record SearchConversationsRequest
{
    /// <summary>The words to find.</summary>
    [QueryParam]
    public string? Q { get; init; }

    [QueryParam]
    public int Limit { get; init; } = 20;

    [QueryParam]
    public int Offset { get; init; }
}

internal sealed class SearchConversationsValidator : Validator<SearchConversationsRequest>
{
    public SearchConversationsValidator()
    {
        RuleFor(request => request.Q).NotNull().MaximumLength(500);
        RuleFor(request => request.Limit).InclusiveBetween(1, 100);
        RuleFor(request => request.Offset).InclusiveBetween(0, 10_000);
    }
}
