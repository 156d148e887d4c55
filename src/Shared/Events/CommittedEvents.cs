using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Events;

/// <summary>
/// The Usage module stored the usage of an LLM call. Neither an idempotent replay nor the later pricing of an unpriced usage
/// raises the event.
/// </summary>
public sealed record UsageLogged
{
    /// <summary>Id of the usage.</summary>
    public required Guid Id { get; init; }

    /// <summary>The scope that owns it.</summary>
    public required Scope Scope { get; init; }

    /// <summary>When the call was made: the client's timestamp, else the time at which it was logged.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>E.g. <c>openai</c>.</summary>
    public required string Provider { get; init; }

    /// <summary>The model's name at its provider.</summary>
    public required string Model { get; init; }

    /// <summary>The alias of the call, if any.</summary>
    public string? Alias { get; init; }

    /// <summary>The profile of the lockfile; <c>default</c> where none was named.</summary>
    public required string Profile { get; init; }

    /// <summary>The calling program, if it was named.</summary>
    public string? Origin { get; init; }

    /// <summary>Input tokens, those of cache reads and cache writes included.</summary>
    public required int InputTokens { get; init; }

    /// <summary>Input tokens that the provider read from its cache.</summary>
    public required int CachedInputTokens { get; init; }

    /// <summary>Output tokens, those of reasoning included.</summary>
    public required int OutputTokens { get; init; }

    /// <summary>USD; 0 where the model has no known price.</summary>
    public required decimal Cost { get; init; }

    /// <summary>The source of the cost: <c>client</c>, <c>registry</c>, <c>own</c>, <c>estimated</c> or <c>unpriced</c>.</summary>
    public required string CostSource { get; init; }
}

/// <summary>The Conversations module stored a whole exchange with a model as a new conversation (<c>POST /conversations/log</c>).</summary>
public sealed record ConversationLogged
{
    /// <summary>Id of the conversation.</summary>
    public required Guid Id { get; init; }

    /// <summary>The scope that owns it.</summary>
    public required Scope Scope { get; init; }

    /// <summary>When it was logged.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The alias by which the model was called, else <c>provider:model</c>.</summary>
    public required string ModelAlias { get; init; }

    /// <summary>How many messages it has, the response included.</summary>
    public required int Messages { get; init; }

    /// <summary>Input tokens of all messages.</summary>
    public required long InputTokens { get; init; }

    /// <summary>Output tokens of all messages.</summary>
    public required long OutputTokens { get; init; }

    /// <summary>Cost in USD, as the sender reported it.</summary>
    public required decimal Cost { get; init; }
}

/// <summary>The MCP module recorded the execution of a tool by the server or by the caller.</summary>
public sealed record ToolExecuted
{
    /// <summary>Id of the execution.</summary>
    public required Guid Id { get; init; }

    /// <summary>The scope that owns it.</summary>
    public required Scope Scope { get; init; }

    /// <summary>When it was recorded.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>Id of the tool.</summary>
    public required Guid ToolId { get; init; }

    /// <summary>The conversation of the execution, if any.</summary>
    public Guid? ConversationId { get; init; }

    /// <summary>The error; null for a success.</summary>
    public string? Error { get; init; }

    /// <summary>Duration in ms, where known.</summary>
    public int? DurationMs { get; init; }
}
