namespace LlmRing.Modules.Conversations.Search;

/// <summary>The parts of a message that are searched.</summary>
internal sealed record SearchSource
{
    /// <summary>The columns of a select from <c>messages m</c>.</summary>
    public const string Columns = """
        m.conversation_id, m.position, search_source(m.content) as content, search_source(m.tool_calls::text) as tool_calls,
        search_source(m.tool_results::text) as tool_results
        """;

    public Guid ConversationId { get; init; }
    public long Position { get; init; }
    public string? Content { get; init; }
    public string? ToolCalls { get; init; }
    public string? ToolResults { get; init; }

    /// <summary>The text that is indexed and shown.</summary>
    public string Text => SearchText.Of(Content, ToolCalls, ToolResults);
}
