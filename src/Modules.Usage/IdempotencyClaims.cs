using Dapper;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Lets the first of several requests with the same key through, whatever host they come to.</summary>
internal static class IdempotencyClaims
{
    // Waits for a transaction that has claimed one of the keys and is still open. Sorted, so that no two wait for each other.
    private const string Claim = """
        insert into usage_idempotency (scope, key, log_id, cost, cost_source, created_at)
        select * from unnest(@scopes, @keys, @ids, @costs, @sources, @times)
        on conflict do nothing
        returning scope, key
        """;

    private const string Find = """
        select first.scope, first.key, first.log_id, first.cost, first.cost_source, first.created_at
        from usage_idempotency as first
        join unnest(@scopes, @keys) as asked (scope, key) using (scope, key)
        """;

    private const string Redirect = """
        update usage_idempotency as second
        set log_id = first.log_id, cost = first.cost, cost_source = first.cost_source, created_at = first.created_at
        from usage_idempotency as first
        where first.scope = @scope and first.key = @used and second.scope = @scope and second.key = @key
        """;

    /// <summary>Claims the keys of rows, inside the transaction that will insert those that are no repeats.</summary>
    /// <returns>The repeats among the rows, with the answer that the first one got.</returns>
    public static async Task<Dictionary<UsageRow, LoggedUsage>> ClaimAsync(NpgsqlConnection connection, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        var repeats = new Dictionary<UsageRow, LoggedUsage>(ReferenceEqualityComparer.Instance);
        var owners = new Dictionary<(string Scope, string Key), UsageRow>();
        foreach (var row in rows)
        {
            foreach (var key in row.IdempotencyKeys)
                owners.TryAdd((row.Scope.Id, key), row);
        }

        var wanted = owners
            .OrderBy(claim => claim.Key.Scope, StringComparer.Ordinal)
            .ThenBy(claim => claim.Key.Key, StringComparer.Ordinal)
            .ToList();
        var parameters = new
        {
            scopes = wanted.ConvertAll(claim => claim.Key.Scope),
            keys = wanted.ConvertAll(claim => claim.Key.Key),
            ids = wanted.ConvertAll(claim => claim.Value.Id),
            costs = wanted.ConvertAll(claim => claim.Value.Cost),
            sources = wanted.ConvertAll(claim => claim.Value.CostSource),
            times = wanted.ConvertAll(claim => claim.Value.CreatedAt),
        };
        var claimed = (await connection.QueryAsync<(string Scope, string Key)>(new CommandDefinition(Claim, parameters, cancellationToken: cancellationToken))).ToHashSet();

        var usedKeys = new Dictionary<UsageRow, string>(ReferenceEqualityComparer.Instance);
        foreach (var row in rows)
        {
            var scope = row.Scope.Id;
            bool IsNew(string key) => ReferenceEquals(owners[(scope, key)], row) && claimed.Contains((scope, key));
            if (row.IdempotencyKeys.FirstOrDefault(key => !IsNew(key)) is not { } used)
                continue;

            usedKeys.Add(row, used);
            // A repeat by one of its keys only: the other one leads to the first answer from now on.
            foreach (var key in row.IdempotencyKeys.Where(IsNew))
                await connection.ExecuteAsync(new CommandDefinition(Redirect, new { scope, used, key }, cancellationToken: cancellationToken));
        }

        if (usedKeys.Count == 0)
            return repeats;

        var answers = (await connection.QueryAsync<(string Scope, string Key, Guid LogId, decimal Cost, string CostSource, DateTime CreatedAt)>(
                new CommandDefinition(Find, parameters, cancellationToken: cancellationToken)))
            .ToDictionary(first => (first.Scope, first.Key), first => new LoggedUsage(first.LogId, first.Cost, first.CostSource, first.CreatedAt) { IsRepeat = true });
        foreach (var (row, used) in usedKeys)
            repeats.Add(row, answers[(row.Scope.Id, used)]);
        return repeats;
    }
}
