namespace LlmRing.Modules.Templates.Rendering;

/// <summary>A text that is not valid Liquid, or whose rendering fails or exceeds a bound.</summary>
/// <param name="message">The reason, for the caller.</param>
internal sealed class LiquidException(string message) : Exception(message);
