using System.Net;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Authentication;

/// <summary>How an <c>X-API-Key</c> becomes a scope.</summary>
internal enum ApiKeyValidationMode
{
    /// <summary>Any well-formed key is its own scope.</summary>
    Bridge,

    /// <summary>The key's SHA-256 must be found, active, in <c>llmring_api.api_keys</c>.</summary>
    Strict,
}

/// <summary>How callers are authenticated.</summary>
internal sealed record AuthenticationSettings
{
    /// <summary>How keys are checked.</summary>
    [Setting("API_KEY_VALIDATION_MODE", "bridge or strict")]
    public ApiKeyValidationMode ApiKeyValidationMode { get; init; } = ApiKeyValidationMode.Bridge;

    /// <summary>Whether <c>X-User-ID</c> must be an owner or a member of <c>X-Project-ID</c>.</summary>
    [Setting("ENFORCE_MEMBERSHIP_VERIFICATION", "true or false")]
    public bool EnforceMembershipVerification { get; init; } = true;

    /// <summary>Peers whose user headers and <c>X-Forwarded-*</c> headers are believed.</summary>
    [Setting("TRUSTED_PROXIES", "addresses or networks separated by commas, e.g. 10.0.0.0/8,::1/128")]
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    /// <summary>Whether a peer is a trusted proxy.</summary>
    public bool Trusts(IPAddress? peer)
    {
        if (peer is { IsIPv4MappedToIPv6: true })
            peer = peer.MapToIPv4();
        return peer is not null && TrustedProxies.Any(network => network.Contains(peer));
    }
}
