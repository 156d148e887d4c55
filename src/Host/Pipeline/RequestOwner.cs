using LlmRing.Shared.Scopes;

namespace LlmRing.Host.Pipeline;

/// <summary>The party whose share of this host's resources a request uses.</summary>
internal static class RequestOwner
{
    /// <summary>The id of the scope; for an anonymous request the address of its caller.</summary>
    public static string Of(HttpContext context) =>
        context.Features.Get<Scope>()?.Id ?? $"address:{context.Connection.RemoteIpAddress}";
}
