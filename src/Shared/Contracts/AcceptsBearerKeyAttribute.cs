namespace LlmRing.Shared.Contracts;

/// <summary>
/// Declares that an endpoint also takes the API key from <c>Authorization: Bearer KEY</c>, because senders of its protocol can set no
/// other header: <c>Options(route => route.WithMetadata(new AcceptsBearerKeyAttribute()))</c>. <c>X-API-Key</c> wins.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class AcceptsBearerKeyAttribute : Attribute;
