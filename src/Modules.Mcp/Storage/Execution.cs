using LlmRing.Shared.Json;

namespace LlmRing.Modules.Mcp.Storage;

/// <summary>One execution of a tool, run by this server or reported by a client.</summary>
internal sealed record Execution
{
    public Guid Id { get; init; }
    public Guid ToolId { get; init; }
    public Guid? ConversationId { get; init; }
    public RawJson? Input { get; init; }
    public RawJson? Output { get; init; }

    /// <summary>Why the execution failed; null after a success.</summary>
    public string? Error { get; init; }

    /// <summary>Milliseconds, waiting for the MCP server included.</summary>
    public int? DurationMs { get; init; }

    public DateTimeOffset ExecutedAt { get; init; }
}

/// <summary>Counts and durations of a tool's executions.</summary>
internal sealed record ToolStats
{
    public long Executions { get; init; }

    /// <summary>Executions with an error; part of <see cref="Executions"/>.</summary>
    public long Errors { get; init; }

    /// <summary>Median duration in milliseconds; null before the first execution.</summary>
    public double? P50DurationMs { get; init; }

    /// <summary>95th percentile of the durations in milliseconds; null before the first execution.</summary>
    public double? P95DurationMs { get; init; }

    public DateTimeOffset? LastExecutedAt { get; init; }
}
