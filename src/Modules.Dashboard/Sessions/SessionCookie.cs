using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Dashboard.Sessions;

/// <summary>
/// The cookie that holds a session's token. Cookies are sent to every port of a host, also by pages of other ports, so a cookie counts
/// only together with the header <c>X-LLMRing-Dashboard</c>, which pages of other origins cannot send.
/// </summary>
internal static class SessionCookie
{
    /// <summary>The header that names the slot of a session.</summary>
    public const string SlotHeader = "X-LLMRing-Dashboard";

    private const string SecureName = "__Host-llmring";
    private const string PlainName = "llmring_session";

    /// <summary>The token of the browser; null where the request has none.</summary>
    public static SessionToken? Read(HttpContext context) =>
        SessionToken.Parse(context.Request.Cookies[SecureName] ?? context.Request.Cookies[PlainName]);

    /// <summary>Gives the browser a token.</summary>
    public static void Write(HttpContext context, SessionToken token) =>
        context.Response.Cookies.Append(NameFor(context), token.ToCookie(), Options(context, SessionStore.LongestLife));

    /// <summary>Takes the token from the browser.</summary>
    public static void Delete(HttpContext context)
    {
        context.Response.Cookies.Delete(NameFor(context), Options(context, null));
    }

    private static string NameFor(HttpContext context) => context.Request.IsHttps ? SecureName : PlainName;

    private static CookieOptions Options(HttpContext context, TimeSpan? maxAge) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Path = "/",
        // Browsers drop a secure cookie of a server that they reach without TLS.
        Secure = context.Request.IsHttps,
        MaxAge = maxAge,
    };
}
