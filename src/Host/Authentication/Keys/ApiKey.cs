using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace LlmRing.Host.Authentication.Keys;

/// <summary>The secret text of a key. Only its hash is stored.</summary>
/// <param name="Text">The value of the header <c>X-API-Key</c>.</param>
internal sealed record ApiKey(string Text)
{
    public string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text)));

    // 256 random bits. Secret scanners find a leaked key by the prefix.
    public static ApiKey New() => new($"llmring_{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))}");

    /// <summary>A text without the key, since records are printed into logs.</summary>
    public override string ToString() => "API key";
}

/// <summary>A row of <c>llmring_api.api_keys</c>.</summary>
internal sealed record StoredKey
{
    public Guid Id { get; init; }

    public Guid? ProjectId { get; init; }

    public string? Project { get; init; }

    public bool IsActive { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; init; }

    public string StateAt(DateTimeOffset now) => !IsActive ? "revoked" : ExpiresAt <= now ? "expired" : "active";
}
