using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Modules.Conversations;

/// <summary>How much of a message is stored; later members are stricter.</summary>
internal enum LoggingLevel
{
    /// <summary>Everything.</summary>
    Full,

    /// <summary>Who, when, tokens, metadata and a hash of the content; nothing that was said.</summary>
    Metadata,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>What is kept of conversations, and for how long.</summary>
internal sealed record ConversationSettings
{
    /// <summary>The most that is stored of any message.</summary>
    [Setting("MESSAGE_LOGGING_LEVEL", "full, metadata or none")]
    public LoggingLevel MessageLoggingLevel { get; init; } = LoggingLevel.Full;

    /// <summary>Age in days beyond which a clean-up deletes messages, where it names none.</summary>
    [Setting("MESSAGE_RETENTION_DAYS", "a whole number of days from 1 to 36500")]
    [Range(1, 36_500)]
    public int MessageRetentionDays { get; init; } = 30;

    /// <summary>Whether messages of that age are deleted daily, of all keys.</summary>
    [Setting("RETENTION_ENABLED", "true or false")]
    public bool RetentionEnabled { get; init; }

    /// <summary>Whether conversations are made at all.</summary>
    [Setting("ENABLE_CONVERSATION_TRACKING", "true or false")]
    public bool EnableConversationTracking { get; init; } = true;

    /// <summary>The stricter of a request's level and the server's.</summary>
    public LoggingLevel LevelOf(LoggingLevel? requested) =>
        requested > MessageLoggingLevel ? requested.Value : MessageLoggingLevel;
}
