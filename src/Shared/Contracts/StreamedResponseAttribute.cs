namespace LlmRing.Shared.Contracts;

/// <summary>
/// Declares that the response of an endpoint is streamed and lasts as long as its reader takes, such as an export:
/// <c>Options(route => route.WithMetadata(new StreamedResponseAttribute()))</c>. The host bounds how many such responses run at once. A
/// request beyond the bound of its scope is answered 429, one beyond the bound of the host 503, both with <c>Retry-After</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class StreamedResponseAttribute : Attribute;
