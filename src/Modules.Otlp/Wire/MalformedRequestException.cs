namespace LlmRing.Modules.Otlp.Wire;

/// <summary>The body cannot be read: 400, and the sender does not repeat it.</summary>
internal sealed class MalformedRequestException(string message, Exception? inner = null) : Exception(message, inner);
