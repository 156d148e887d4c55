using System.Text.Json.Serialization;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Conversations;

/// <summary>A conversation as the API shows it.</summary>
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

    /// <summary>Messages ever stored. Like the other totals it stays when retention deletes messages.</summary>
    public int MessageCount { get; init; }

    public long TotalInputTokens { get; init; }

    public long TotalOutputTokens { get; init; }

    /// <summary>USD.</summary>
    public decimal TotalCost { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? LastMessageAt { get; init; }
}

/// <summary>A message as the API shows it.</summary>
internal sealed record Message
{
    public required Guid Id { get; init; }

    public required Guid ConversationId { get; init; }

    /// <summary>Its place in the conversation, from 1; what lists are sorted by.</summary>
    [JsonIgnore]
    public long Position { get; init; }

    public required string Role { get; init; }

    /// <summary>Text, or the JSON text of a multimodal array.</summary>
    public string? Content { get; init; }

    /// <summary>SHA-256 of the content's UTF-8, in lower-case hexadecimal.</summary>
    public string? ContentHash { get; init; }

    public RawJson? ToolCalls { get; init; }

    public RawJson? ToolResults { get; init; }

    public RawJson Metadata { get; init; } = RawJson.EmptyObject;

    public int? InputTokens { get; init; }

    public int? OutputTokens { get; init; }

    public DateTimeOffset Timestamp { get; init; }
}
