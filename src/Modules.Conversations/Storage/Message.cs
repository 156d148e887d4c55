using System.Text.Json.Serialization;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Conversations.Storage;

/// <summary>A row of <c>messages</c>, as the API answers it.</summary>
internal sealed record Message
{
    public required Guid Id { get; init; }
    public required Guid ConversationId { get; init; }

    /// <summary>The message's place in its conversation, from 1. Lists are sorted by it.</summary>
    [JsonIgnore]
    public long Position { get; init; }

    /// <summary>system, user, assistant or tool.</summary>
    public required string Role { get; init; }

    /// <summary>Text, or the JSON text of a multimodal array.</summary>
    public string? Content { get; init; }

    /// <summary>SHA-256 of the content's UTF-8 bytes, in lower-case hexadecimal.</summary>
    public string? ContentHash { get; init; }

    public RawJson? ToolCalls { get; init; }
    public RawJson? ToolResults { get; init; }
    public RawJson Metadata { get; init; } = RawJson.EmptyObject;
    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }
    public DateTimeOffset Timestamp { get; init; }

    /// <summary>The characters of the texts whose length only the request's body limits.</summary>
    [JsonIgnore]
    public int Characters =>
        (Content?.Length ?? 0) + (ToolCalls?.Text.Length ?? 0) + (ToolResults?.Text.Length ?? 0) + Metadata.Text.Length;
}
