namespace LlmRing.Modules.Conversations.Search;

/// <summary>A title or a message that a search found, as the API answers it.</summary>
internal sealed record SearchHit
{
    public required Guid ConversationId { get; init; }
    public string? Title { get; init; }

    /// <summary>Null when the title matches.</summary>
    public Guid? MessageId { get; init; }

    /// <summary>The message's place in its conversation, from 1. Null when the title matches.</summary>
    public long? Position { get; init; }

    public string? Role { get; init; }

    /// <summary>HTML: escaped text with the matches in <c>mark</c>.</summary>
    public required string Snippet { get; init; }

    /// <summary>PostgreSQL's <c>ts_rank</c>, divided by 1 + the logarithm of the document's length.</summary>
    public float Rank { get; init; }

    public DateTimeOffset Timestamp { get; init; }
}
