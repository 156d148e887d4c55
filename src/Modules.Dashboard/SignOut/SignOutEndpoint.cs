using FastEndpoints;
using LlmRing.Modules.Dashboard.Sessions;
using LlmRing.Shared.Errors;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Dashboard.SignOut;

/// <summary>DELETE /dashboard/session ends the browser's session, also one whose keys are revoked.</summary>
internal sealed class SignOutEndpoint(SessionStore sessions) : EndpointWithoutRequest<SignOutResponse>
{
    public override void Configure()
    {
        Delete("/dashboard/session");
        AllowAnonymous();
        Summary(summary =>
        {
            summary.Summary = "Sign a browser out";
            summary.Description = "Ends the session for all copies of its cookie. The header `X-LLMRing-Dashboard` must be there.";
            summary.Response<SignOutResponse>(StatusCodes.Status200OK, "The browser has no session any more.");
            summary.Response<ErrorBody>(StatusCodes.Status400BadRequest, "The header `X-LLMRing-Dashboard` is missing.");
        });
    }

    public override async Task HandleAsync(CancellationToken ct)
    {
        if (HttpContext.Request.Headers[SessionCookie.SlotHeader].Count == 0)
        {
            await Send.DetailAsync(StatusCodes.Status400BadRequest, $"{SessionCookie.SlotHeader} is needed to sign out", ct);
            return;
        }

        if (SessionCookie.Read(HttpContext) is { } token)
            await sessions.DeleteAsync(token, ct);
        SessionCookie.Delete(HttpContext);
        await Send.OkAsync(new SignOutResponse("Signed out"), ct);
    }
}

internal sealed record SignOutResponse(string Message);
