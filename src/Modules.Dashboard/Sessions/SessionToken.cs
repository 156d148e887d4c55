using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Dashboard.Sessions;

/// <summary>
/// The secret of a session, 32 random bytes that only the browser holds. The server keeps its SHA-256 and seals the session's keys
/// with AES-GCM under a key derived from the token, so that neither a dump of the database nor the browser gives an API key away.
/// </summary>
internal sealed class SessionToken
{
    private const int Length = 32;
    private const int NonceLength = 12;
    private const int TagLength = 16;

    private readonly byte[] _bytes;

    private SessionToken(byte[] bytes) => _bytes = bytes;

    /// <summary>The name of the session in the database.</summary>
    public byte[] Hash => SHA256.HashData(_bytes);

    /// <summary>A new, random token.</summary>
    public static SessionToken Create() => new(RandomNumberGenerator.GetBytes(Length));

    /// <summary>Reads the value of a cookie; null where it is no token.</summary>
    public static SessionToken? Parse(string? cookie)
    {
        var bytes = new byte[Length];
        return cookie is { Length: 43 } && Base64Url.TryDecodeFromChars(cookie, bytes, out var written) && written == Length
            ? new SessionToken(bytes)
            : null;
    }

    /// <summary>The value of the cookie.</summary>
    public string ToCookie() => Base64Url.EncodeToString(_bytes);

    /// <summary>Encrypts the keys of a session.</summary>
    public byte[] Seal(IReadOnlyList<SessionKey> keys)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(keys, JsonConventions.Options);
        var sealedKeys = new byte[NonceLength + TagLength + plain.Length];
        var nonce = sealedKeys.AsSpan(0, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var cipher = new AesGcm(EncryptionKey(), TagLength);
        cipher.Encrypt(nonce, plain, sealedKeys.AsSpan(NonceLength + TagLength), sealedKeys.AsSpan(NonceLength, TagLength));
        return sealedKeys;
    }

    /// <summary>Decrypts the keys of a session.</summary>
    /// <exception cref="CryptographicException">The bytes were sealed under another token, or changed since.</exception>
    public IReadOnlyList<SessionKey> Unseal(ReadOnlySpan<byte> sealedKeys)
    {
        var plain = new byte[sealedKeys.Length - NonceLength - TagLength];
        using var cipher = new AesGcm(EncryptionKey(), TagLength);
        cipher.Decrypt(
            sealedKeys[..NonceLength], sealedKeys[(NonceLength + TagLength)..], sealedKeys.Slice(NonceLength, TagLength), plain);
        return JsonSerializer.Deserialize<List<SessionKey>>(plain, JsonConventions.Options)!;
    }

    private byte[] EncryptionKey() => HKDF.DeriveKey(HashAlgorithmName.SHA256, _bytes, Length, info: "llmring dashboard keys"u8.ToArray());
}

/// <summary>An API key of a session.</summary>
/// <param name="Slot">Its name in addresses, unique in the session: <c>a-z</c>, <c>0-9</c> and <c>-</c>.</param>
/// <param name="Label">Its name on the page.</param>
/// <param name="Key">The API key.</param>
internal sealed record SessionKey(string Slot, string Label, string Key);
