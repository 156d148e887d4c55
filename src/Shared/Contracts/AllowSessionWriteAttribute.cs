namespace LlmRing.Shared.Contracts;

/// <summary>
/// Allows browser sessions to call an endpoint that changes something:
/// <c>Options(route => route.WithMetadata(new AllowSessionWriteAttribute()))</c>. On all other endpoints a session may only read.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class AllowSessionWriteAttribute : Attribute;
