using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text.Encodings.Web;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;

namespace LlmRing.Host.Authentication;

/// <summary>
/// Turns <c>X-API-Key</c>, <c>X-User-ID</c> + <c>X-Project-ID</c> from a trusted proxy, or a browser's session into a
/// <see cref="Scope"/>. Endpoints with <see cref="AcceptsBearerKeyAttribute"/> take the key from <c>Authorization</c> as well.
/// </summary>
internal sealed class ScopeAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options,
    ILoggerFactory loggers,
    UrlEncoder encoder,
    AuthenticationSettings settings,
    ApiKeyLookup access,
    ISessionKeys sessions)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "Scope";

    private const string Missing = "Authentication required: provide X-API-Key or (X-User-ID + X-Project-ID)";

    // The scope is a feature of the request; the principal only satisfies the authorization middleware.
    private static readonly ClaimsPrincipal Authenticated = new(new ClaimsIdentity(SchemeName));

    private (int Status, string Detail) _refusal = (StatusCodes.Status401Unauthorized, Missing);

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Context.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
            return AuthenticateResult.NoResult();

        var scope = KeyOf(endpoint) is { Length: > 0 } key
            ? await ScopeOfKeyAsync(key)
            : HasUserHeaders ? await ScopeOfProjectAsync() : await ScopeOfSessionAsync(endpoint);

        if (scope is null)
            return AuthenticateResult.NoResult();

        Context.Features.Set(scope);
        return AuthenticateResult.Success(new AuthenticationTicket(Authenticated, SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Context.WriteDetailAsync(_refusal.Status, _refusal.Detail, Context.RequestAborted);

    private string KeyOf(Endpoint endpoint)
    {
        var key = Request.Headers["X-API-Key"].ToString().Trim();
        return key.Length == 0 && endpoint.Metadata.GetMetadata<AcceptsBearerKeyAttribute>() is not null
            && AuthenticationHeaderValue.TryParse(Request.Headers.Authorization.ToString(), out var authorization)
            && authorization.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)
                ? authorization.Parameter?.Trim() ?? ""
                : key;
    }

    private async ValueTask<Scope?> ScopeOfKeyAsync(string key)
    {
        if (key.Length > 255)
            return Refuse(StatusCodes.Status400BadRequest, "X-API-Key too long");
        if (key.Any(char.IsWhiteSpace))
            return Refuse(StatusCodes.Status400BadRequest, "X-API-Key must not contain whitespace");
        if (settings.ApiKeyValidationMode is ApiKeyValidationMode.Bridge)
            return Scope.OfApiKey(key);

        return await access.FindApiKeyAsync(key, Context.RequestAborted) is { } known
            ? Scope.OfApiKey(known.Id.ToString(), known.ProjectId)
            : Refuse(StatusCodes.Status401Unauthorized, "Invalid API key");
    }

    private async ValueTask<Scope?> ScopeOfProjectAsync()
    {
        var (user, project) = (Request.Headers["X-User-ID"].ToString().Trim(), Request.Headers["X-Project-ID"].ToString().Trim());
        if (user.Length == 0 || project.Length == 0 || !settings.Trusts(Context.Connection.RemoteIpAddress))
            return null;
        if (!Guid.TryParse(user, out var userId) || !Guid.TryParse(project, out var projectId))
            return Refuse(StatusCodes.Status400BadRequest, "Invalid UUID format in X-User-ID or X-Project-ID");

        return !settings.EnforceMembershipVerification || await access.IsMemberAsync(userId, projectId, Context.RequestAborted)
            ? Scope.OfProject(projectId)
            : Refuse(StatusCodes.Status404NotFound, "Project not found");
    }

    private bool HasUserHeaders => Request.Headers.ContainsKey("X-User-ID") || Request.Headers.ContainsKey("X-Project-ID");

    private async ValueTask<Scope?> ScopeOfSessionAsync(Endpoint endpoint)
    {
        if (await sessions.FindKeyAsync(Context, Context.RequestAborted) is not { } key)
            return null;
        if (!HttpMethods.IsGet(Request.Method)
            && !HttpMethods.IsHead(Request.Method)
            && endpoint.Metadata.GetMetadata<AllowSessionWriteAttribute>() is null)
            return Refuse(StatusCodes.Status403Forbidden, "A browser session may only read: send X-API-Key to change something");

        Context.Features.Set(SessionRequest.Instance);
        Response.Headers.CacheControl = "no-store";
        return await ScopeOfKeyAsync(key);
    }

    private Scope? Refuse(int status, string detail)
    {
        _refusal = (status, detail);
        return null;
    }
}
