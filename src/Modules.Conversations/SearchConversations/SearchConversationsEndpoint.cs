using FastEndpoints;
using FluentValidation;
using LlmRing.Shared.Scopes;

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
                Words of any language, as they are written (no stemming), all of which must occur; `"a phrase"`, `or` and `-without`
                work as in web searches. Best matches first, ranked among the newest 10,000. A hit without `message_id` is a title.
                `snippet` is HTML: the text is escaped, matches are in `<mark>`. What was stored without its content is never found.
                """;
            summary.Response<IReadOnlyList<SearchHit>>(200, "A page of hits.");
            summary.ResponseExamples[200] = (SearchHit[])[new SearchHit
            {
                ConversationId = Guid.Parse("01a20b3f-91ca-7d18-af49-e1a5386f780f"),
                Title = "Trip to Bern",
                MessageId = Guid.Parse("01a20b3f-91cf-72f7-8a70-cba76ef0423e"),
                Role = "user",
                Snippet = "Which way to the <mark>station</mark>?",
                Rank = 0.03f,
                Timestamp = new DateTimeOffset(2026, 11, 24, 9, 30, 0, TimeSpan.Zero),
            }];
        });
    }

    public override async Task HandleAsync(SearchConversationsRequest req, CancellationToken ct) =>
        await Send.OkAsync(await index.SearchAsync(HttpContext.GetScope(), req.Q!, req.Limit, req.Offset, ct), ct);
}

internal sealed record SearchConversationsRequest
{
    /// <summary>What to find.</summary>
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

internal sealed record SearchHit
{
    public required Guid ConversationId { get; init; }

    public string? Title { get; init; }

    /// <summary>Null where the title matches.</summary>
    public Guid? MessageId { get; init; }

    public string? Role { get; init; }

    /// <summary>HTML: escaped text with the matches in <c>mark</c>.</summary>
    public required string Snippet { get; init; }

    public float Rank { get; init; }

    public DateTimeOffset Timestamp { get; init; }
}
