using Microsoft.AspNetCore.Http;

namespace LlmRing.Shared.Scopes;

/// <summary>
/// The owner of the data that a request reads and writes: an API key or a project. Every query carries it; a row of another scope
/// is answered like an absent one.
/// </summary>
public sealed record Scope
{
    private Scope(string? apiKeyId, Guid? projectId) => (ApiKeyId, ProjectId) = (apiKeyId, projectId);

    /// <summary>Value of <c>api_key_id</c>; null where no key was sent.</summary>
    public string? ApiKeyId { get; }

    /// <summary>
    /// Value of <c>project_id</c>; null for a key without project. A project is the scope of all its keys, and <c>api_key_id</c> only
    /// records which of them wrote a row.
    /// </summary>
    public Guid? ProjectId { get; }

    /// <summary>The scope as one text, for cache keys and tables that hold it in one column: <c>key:…</c> or <c>project:…</c>.</summary>
    public string Id => ProjectId is null ? $"key:{ApiKeyId}" : $"project:{ProjectId}";

    /// <summary>The scope of an API key.</summary>
    /// <param name="apiKeyId">The key, or in strict mode the id of its row.</param>
    /// <param name="projectId">The project of the key: its keys share one scope, so that a new key reads the rows of an old one.</param>
    public static Scope OfApiKey(string apiKeyId, Guid? projectId = null) => new(apiKeyId, projectId);

    /// <summary>The scope of a project.</summary>
    public static Scope OfProject(Guid projectId) => new(null, projectId);

    /// <summary>
    /// The condition that keeps a query inside the scope, over the parameters <c>@apiKeyId</c> and <c>@projectId</c>.
    /// One of two constants, so that the planner can use the index on that column.
    /// </summary>
    public string Filter => ProjectId is null ? "api_key_id = @apiKeyId" : "project_id = @projectId";

    /// <summary>The same condition on the columns of one table of a join.</summary>
    /// <param name="alias">The table's alias in the query.</param>
    public string FilterOn(string alias) => $"{alias}.{Filter}";

    /// <summary>A text without the key, since a scope may be printed into a log.</summary>
    public override string ToString() => ProjectId is null ? "API key" : $"project {ProjectId}";
}

/// <summary>The scope of a request.</summary>
public static class ScopeExtensions
{
    /// <summary>The scope that authentication found.</summary>
    /// <exception cref="InvalidOperationException">The endpoint allows anonymous callers, who have no scope.</exception>
    public static Scope GetScope(this HttpContext context) =>
        context.Features.Get<Scope>() ?? throw new InvalidOperationException("This endpoint is not authenticated.");
}
