using System.Security.Cryptography;
using LlmRing.Shared.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Mcp.Secrets;

/// <summary>Encrypts <c>auth_config</c> for one server: a value that was copied to another row cannot be decrypted.</summary>
internal sealed partial class AuthConfigProtector(IDataProtectionProvider protection, ILogger<AuthConfigProtector> logger)
{
    public string? Protect(Guid serverId, RawJson? authConfig) =>
        authConfig is { } value ? ProtectorOf(serverId).Protect(value.Text) : null;

    /// <returns>Null also where the key is lost: the owner then has to store the credentials again.</returns>
    public RawJson? Unprotect(Guid serverId, string? text)
    {
        if (text is null)
            return null;
        try
        {
            return new RawJson(ProtectorOf(serverId).Unprotect(text));
        }
        catch (CryptographicException exception)
        {
            LogDecryptionFailed(exception, serverId);
            return null;
        }
    }

    private IDataProtector ProtectorOf(Guid serverId) => protection.CreateProtector("LlmRing.Mcp.AuthConfig", serverId.ToString());

    [LoggerMessage(
        LogLevel.Error,
        "The auth_config of MCP server {ServerId} cannot be decrypted: its key is not in the database",
        EventName = "AuthConfigDecryptionFailed")]
    private partial void LogDecryptionFailed(Exception exception, Guid serverId);
}
