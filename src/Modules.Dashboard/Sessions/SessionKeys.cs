using LlmRing.Shared.Contracts;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Dashboard.Sessions;

/// <summary>Finds the key that a page means: that of the slot in the header, or of the slot in the link of an export.</summary>
internal sealed class SessionKeys(SessionStore sessions) : ISessionKeys
{
    public async ValueTask<string?> FindKeyAsync(HttpContext context, CancellationToken cancellationToken) =>
        SlotOf(context) is { } slot
            && SessionCookie.Read(context) is { } token
            && Find(await sessions.FindAsync(token, cancellationToken), slot) is { } found
            ? found.Key
            : null;

    /// <summary>The key of a slot; <c>*</c> means the first one.</summary>
    public static SessionKey? Find(IReadOnlyList<SessionKey> keys, string slot) =>
        slot is "*" ? (keys.Count > 0 ? keys[0] : null) : keys.FirstOrDefault(key => key.Slot == slot);

    private static string? SlotOf(HttpContext context)
    {
        var request = context.Request;
        if (request.Headers[SessionCookie.SlotHeader].ToString() is { Length: > 0 } slot)
            return slot;
        // A link that downloads a file cannot send a header. Browsers tell other sites apart where the connection is encrypted, and no
        // other site can read the answer in any case.
        return context.GetEndpoint()?.Metadata.GetMetadata<StreamedResponseAttribute>() is not null
            && HttpMethods.IsGet(request.Method)
            && request.Headers["Sec-Fetch-Site"].ToString() is "" or "same-origin"
            && request.Query["slot"].ToString() is { Length: > 0 } linked
                ? linked
                : null;
    }
}
