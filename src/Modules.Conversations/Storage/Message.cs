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

    /// <summary>system, user, assistant, tool, developer or function.</summary>
    public required string Role { get; init; }

    /// <summary>Text, or the JSON text of a multimodal array.</summary>
    public string? Content { get; init; }

    /// <summary>SHA-256 of the content's UTF-8 bytes, in lower-case hexadecimal.</summary>
    public string? ContentHash { get; init; }

    public RawJson? ToolCalls { get; init; }
    public RawJson? ToolResults { get; init; }

    /// <summary>The id of the tool call that a message of the role tool answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>The name of the participant or of the function.</summary>
    public string? Name { get; init; }

    /// <summary>The client's metadata. <c>extra</c> holds the members of the message that have no column.</summary>
    public RawJson Metadata { get; init; } = RawJson.EmptyObject;
    public int? InputTokens { get; init; }
    public int? OutputTokens { get; init; }

    /// <summary>The time that the client sent, else the time at which the message was stored; UTC.</summary>
    public DateTimeOffset Timestamp { get; init; }

    /// <summary>The characters of the texts whose length only the request's body limits.</summary>
    [JsonIgnore]
    public int Characters =>
        (Content?.Length ?? 0) + (ToolCalls?.Text.Length ?? 0) + (ToolResults?.Text.Length ?? 0) + (ToolCallId?.Length ?? 0)
        + (Name?.Length ?? 0) + Metadata.Text.Length;
}
