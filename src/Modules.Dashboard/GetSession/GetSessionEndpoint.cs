using FastEndpoints;
using LlmRing.Modules.Dashboard.Responses;
using LlmRing.Modules.Dashboard.Sessions;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Dashboard.GetSession;

/// <summary>GET /dashboard/session tells a page who is signed in and what the server offers.</summary>
internal sealed class GetSessionEndpoint(SessionStore sessions, SessionResponseFactory responses) : EndpointWithoutRequest<SessionResponse>
{
    public override void Configure()
    {
        Get("/dashboard/session");
        Summary(summary =>
        {
            summary.Summary = "Read the session of a browser";
            summary.Description = "`X-LLMRing-Dashboard` names the slot of a key; `*` means the first one.";
            summary.Response<SessionResponse>(StatusCodes.Status200OK, "The session and the modules of the server.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        var slot = HttpContext.Request.Headers[SessionCookie.SlotHeader].ToString();
        var keys = SessionCookie.Read(HttpContext) is { } token ? await sessions.FindAsync(token, ct) : [];
        await Send.OkAsync(responses.Create(scope, SessionKeys.Find(keys, slot), keys), ct);
    }
}
