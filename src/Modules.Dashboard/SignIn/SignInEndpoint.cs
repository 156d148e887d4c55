using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Dashboard.Responses;
using LlmRing.Modules.Dashboard.Sessions;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Dashboard.SignIn;

/// <summary>POST /dashboard/session starts a session with the key of the request, or adds the key to the browser's session.</summary>
internal sealed class SignInEndpoint(SessionStore sessions, SessionResponseFactory responses) : Endpoint<SignInRequest, SessionResponse>
{
    public override void Configure()
    {
        Post("/dashboard/session");
        Summary(summary =>
        {
            summary.Summary = "Sign in with a browser";
            summary.Description = """
                Answers a cookie that stands for the key in `X-API-Key`, and adds the key to the session that the browser has. The header
                `X-LLMRing-Dashboard` must be there, with any value; later requests name a slot in it.
                """;
            summary.ExampleRequest = new SignInRequest { Label = "shop" };
            summary.Response<SessionResponse>(StatusCodes.Status200OK, "The session, and the name of the key in it.");
            summary.Response<ErrorBody>(StatusCodes.Status400BadRequest, "A proxy has signed the user in, without a key.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The session holds as many keys as a session can.");
        });
    }

    public override async Task HandleAsync(SignInRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (HttpContext.Request.Headers["X-API-Key"].ToString().Trim() is not { Length: > 0 } key)
        {
            await Send.DetailAsync(StatusCodes.Status400BadRequest, "X-API-Key is needed to sign in", ct);
            return;
        }

        if (await sessions.AddKeyAsync(SessionCookie.Read(HttpContext), key, request.Label, ct) is not var (token, added))
        {
            await Send.DetailAsync(StatusCodes.Status409Conflict, $"A session holds at most {SessionStore.MaxKeys} keys", ct);
            return;
        }

        SessionCookie.Write(HttpContext, token);
        HttpContext.Response.Headers.CacheControl = "no-store";
        await Send.OkAsync(responses.Create(scope, added, await sessions.FindAsync(token, ct)), ct);
    }
}

internal sealed record SignInRequest
{
    /// <summary>Any value. Without the header a page of another port could sign a browser in with a key of its own.</summary>
    // From the header only: a member of the body would not prove where the request comes from.
    [FromHeader(SessionCookie.SlotHeader, IsRequired = false)]
    [JsonPropertyName(SessionCookie.SlotHeader)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public string? Slot { get; init; }

    /// <summary>A name for the key, shown to the user; absent: a number.</summary>
    public string? Label { get; init; }
}

internal sealed class SignInValidator : Validator<SignInRequest>
{
    public SignInValidator()
    {
        RuleFor(request => request.Slot).NotEmpty();
        RuleFor(request => request.Label).MaximumLength(60);
    }
}
