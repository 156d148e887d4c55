using Dapper;
using LlmRing.Shared.Json;
using LlmRing.Shared.Paging;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Repricing;

/// <summary>The record of repricings, within a scope.</summary>
internal sealed class RepricingRepository(NpgsqlDataSource database, TimeProvider time)
{
    /// <summary>Records the start of a repricing; each of its steps adds to the sums.</summary>
    /// <returns>Its id.</returns>
    public async Task<Guid> StartAsync(Scope scope, string? userId, string request, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into usage_repricings (id, api_key_id, project_id, user_id, request, rows, changed, cost_before, cost_after, started_at)
            values (@id, @apiKeyId, @projectId, @userId, @request::jsonb, 0, 0, 0, 0, @startedAt)
            """,
            new { id, scope.ApiKeyId, scope.ProjectId, userId, request, startedAt = now.UtcDateTime },
            cancellationToken: cancellationToken));
        return id;
    }

    /// <summary>Records the end of a repricing.</summary>
    public async Task FinishAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            "update usage_repricings set finished_at = @finishedAt where id = @id",
            new { id, finishedAt = time.GetUtcNow().UtcDateTime },
            cancellationToken: cancellationToken));
    }

    /// <summary>Reads a page, newest first.</summary>
    public async Task<Page<RepricingEntry>> ListAsync(Scope scope, int limit, PageCursor? after, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.QueryPageAsync<RepricingEntry>(
            new CommandDefinition(
                // A key of a project is named by its id; a key that is a scope of its own is the caller's secret.
                $"""
                select id, started_at, finished_at, case when project_id is not null then api_key_id end as api_key_id, user_id, request,
                    rows, changed, cost_before, cost_after
                from usage_repricings
                where {scope.Filter} {(after is null ? "" : "and (started_at, id) < (@afterTime, @afterId)")}
                order by started_at desc, id desc
                limit @limit + 1
                """,
                new { scope.ApiKeyId, scope.ProjectId, limit, afterTime = after?.At.UtcDateTime, afterId = after?.Id },
                cancellationToken: cancellationToken),
            limit,
            repricing => repricing.Request.Text.Length);
    }
}

/// <summary>A repricing as its scope reads it; costs in USD, times in UTC.</summary>
internal sealed record RepricingEntry
{
    public Guid Id { get; init; }
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>Null: it runs, or it was interrupted; the sums are those of the steps until then.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The key of the project that priced the usages anew; null where the scope is the key itself.</summary>
    public string? ApiKeyId { get; init; }

    /// <summary>The user who priced the usages anew, where a project was named instead of a key.</summary>
    public string? UserId { get; init; }

    /// <summary>The range, the filters and the cost sources as they were sent.</summary>
    public RawJson Request { get; init; }

    public long Rows { get; init; }
    public long Changed { get; init; }
    public decimal CostBefore { get; init; }
    public decimal CostAfter { get; init; }
}
