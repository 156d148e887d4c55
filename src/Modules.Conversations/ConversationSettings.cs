using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Conversations;

/// <summary>The parts of a message that are stored. Ordered: a later level stores less.</summary>
internal enum LoggingLevel
{
    /// <summary>The whole message.</summary>
    Full,

    /// <summary>Role, time, tokens, metadata and a hash of the content; neither content nor tool calls and results.</summary>
    Metadata,

    /// <summary>No message.</summary>
    None,
}

/// <summary>Which parts of conversations are stored, and for how long.</summary>
internal sealed record ConversationSettings
{
    /// <summary>Upper bound for the level of every request.</summary>
    [Setting("MESSAGE_LOGGING_LEVEL", "full, metadata or none")]
    public LoggingLevel MessageLoggingLevel { get; init; } = LoggingLevel.Full;

    /// <summary>Age in days from which messages are deleted; the default of <c>DELETE /conversations/old-messages</c>.</summary>
    [Setting("MESSAGE_RETENTION_DAYS", "a whole number of days from 1 to 36500")]
    [Range(1, 36_500)]
    public int MessageRetentionDays { get; init; } = 30;

    /// <summary>Whether messages of that age are deleted daily, for all keys.</summary>
    [Setting("RETENTION_ENABLED", "true or false")]
    public bool RetentionEnabled { get; init; }

    /// <summary>Whether conversations can be created.</summary>
    [Setting("ENABLE_CONVERSATION_TRACKING", "true or false")]
    public bool EnableConversationTracking { get; init; } = true;

    /// <summary>The stricter of the request's level and the server's.</summary>
    public LoggingLevel LevelOf(LoggingLevel? requested) =>
        requested > MessageLoggingLevel ? requested.Value : MessageLoggingLevel;
}
