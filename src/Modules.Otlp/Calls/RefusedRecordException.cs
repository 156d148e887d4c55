namespace LlmRing.Modules.Otlp.Calls;

/// <summary>A span or a log record cannot be stored: it is refused, and the rest of its request is stored.</summary>
/// <param name="reason">The reason, for people, without the name of the record.</param>
internal sealed class RefusedRecordException(string reason) : Exception(reason);
