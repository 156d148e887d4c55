namespace LlmRing.Modules.Conversations.Storage;

/// <summary>A row of <c>conversations</c>, as the API answers it.</summary>
internal record Conversation
{
    public required Guid Id { get; init; }
    public string? Title { get; init; }
    public string? SystemPrompt { get; init; }
    public required string ModelAlias { get; init; }
    public required double Temperature { get; init; }
    public int? MaxTokens { get; init; }
    public string? ApiKeyId { get; init; }
    public Guid? ProjectId { get; init; }

    /// <summary>Messages ever stored. Like the other totals, the count stays when retention deletes messages.</summary>
    public int MessageCount { get; init; }

    public long TotalInputTokens { get; init; }
    public long TotalOutputTokens { get; init; }

    /// <summary>USD.</summary>
    public decimal TotalCost { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset UpdatedAt { get; init; }
    public DateTimeOffset? LastMessageAt { get; init; }
}

/// <summary>The members of a conversation that its owner chooses.</summary>
/// <param name="Title">At most 500 characters.</param>
/// <param name="SystemPrompt">Any text.</param>
/// <param name="ModelAlias">At most 255 characters.</param>
/// <param name="Temperature">From 0 to 2.</param>
/// <param name="MaxTokens">At least 1.</param>
internal sealed record ConversationMembers(string? Title, string? SystemPrompt, string? ModelAlias, double? Temperature, int? MaxTokens);
