using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Mcp.Secrets;

/// <summary>Encrypts <c>auth_config</c> for one server: copied to another row, it cannot be read.</summary>
internal sealed partial class AuthConfigProtector(IDataProtectionProvider protection, ILogger<AuthConfigProtector> logger)
{
    public string? Protect(Guid serverId, JsonElement? authConfig) =>
        authConfig is { } value ? For(serverId).Protect(value.GetRawText()) : null;

    /// <returns>Null also where the keys are lost: its owner then has to store it again.</returns>
    public JsonElement? Unprotect(Guid serverId, string? text)
    {
        if (text is null)
            return null;
        try
        {
            return JsonElement.Parse(For(serverId).Unprotect(text));
        }
        catch (CryptographicException exception)
        {
            LogUnreadable(exception, serverId);
            return null;
        }
    }

    private IDataProtector For(Guid serverId) => protection.CreateProtector("LlmRing.Mcp.AuthConfig", serverId.ToString());

    [LoggerMessage(LogLevel.Error, "The auth_config of MCP server {ServerId} cannot be decrypted: its key is not in the database")]
    private partial void LogUnreadable(Exception exception, Guid serverId);
}
