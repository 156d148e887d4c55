using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Http;

/// <summary>
/// Whose data a request reads and writes: an API key or a project. Every query carries it; a row of another scope
/// is as good as absent.
/// </summary>
public sealed record Scope
{
    private Scope(string? apiKeyId, Guid? projectId) => (ApiKeyId, ProjectId) = (apiKeyId, projectId);

    /// <summary>Value of <c>api_key_id</c>; null in the scope of a project.</summary>
    public string? ApiKeyId { get; }

    /// <summary>Value of <c>project_id</c>; null in the scope of a key.</summary>
    public Guid? ProjectId { get; }

    /// <summary>The scope as one text, for cache keys and tables that hold it in one column: <c>key:…</c> or <c>project:…</c>.</summary>
    public string Id => ApiKeyId is null ? $"project:{ProjectId}" : $"key:{ApiKeyId}";

    /// <summary>The scope of an API key.</summary>
    public static Scope OfApiKey(string apiKeyId) => new(apiKeyId, null);

    /// <summary>The scope of a project.</summary>
    public static Scope OfProject(Guid projectId) => new(null, projectId);

    /// <summary>
    /// The condition that keeps a query inside the scope, over the parameters <c>@ApiKeyId</c> and <c>@ProjectId</c>.
    /// One of two constants, so that the planner can use the index of that very column.
    /// </summary>
    public string Filter => ApiKeyId is null ? "project_id = @ProjectId" : "api_key_id = @ApiKeyId";

    /// <summary>Never the key itself: a scope may end up in a log.</summary>
    public override string ToString() => ApiKeyId is null ? $"project {ProjectId}" : "API key";
}

/// <summary>The scope of a request.</summary>
public static class ScopeExtensions
{
    /// <summary>The scope that authentication found.</summary>
    /// <exception cref="InvalidOperationException">The endpoint allows anonymous callers, who have no scope.</exception>
    public static Scope GetScope(this HttpContext context) =>
        context.Features.Get<Scope>() ?? throw new InvalidOperationException("This endpoint is not authenticated.");
}
