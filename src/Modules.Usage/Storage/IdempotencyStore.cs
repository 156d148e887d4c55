using Dapper;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>Lets the first of several requests with the same key through, on any host.</summary>
internal static class IdempotencyStore
{
    // Waits for an open transaction that has claimed one of the keys. The keys are sorted, so that no two statements wait for
    // each other.
    private const string Claim = """
        insert into usage_idempotency (scope, key, log_id, cost, cost_source, priced_as, logged_at, created_at)
        select *, now() from unnest(@scopes, @keys, @ids, @costs, @sources, @priceNames, @times)
        on conflict do nothing
        returning scope, key
        """;

    private const string Find = """
        select first.scope, first.key, first.log_id, first.cost, first.cost_source, first.priced_as,
            coalesce(first.logged_at, first.created_at) as logged_at
        from usage_idempotency as first
        join unnest(@scopes, @keys) as requested (scope, key) using (scope, key)
        """;

    private const string Redirect = """
        update usage_idempotency as second
        set log_id = first.log_id, cost = first.cost, cost_source = first.cost_source, priced_as = first.priced_as,
            logged_at = coalesce(first.logged_at, first.created_at), created_at = first.created_at
        from usage_idempotency as first
        where first.scope = @scope and first.key = @used and second.scope = @scope and second.key = @key
        """;

    /// <summary>Claims the keys of records, inside the transaction that will insert the records that are no replays.</summary>
    /// <returns>The replays among the records, each with the first result.</returns>
    public static async Task<Dictionary<UsageRecord, LogResult>> ClaimAsync(
        NpgsqlConnection connection, IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken)
    {
        var replays = new Dictionary<UsageRecord, LogResult>(ReferenceEqualityComparer.Instance);
        var owners = new Dictionary<(string Scope, string Key), UsageRecord>();
        foreach (var record in records)
        {
            foreach (var key in record.IdempotencyKeys)
                owners.TryAdd((record.Scope.Id, key), record);
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
            priceNames = wanted.ConvertAll(claim => claim.Value.Price?.PricedAs),
            times = wanted.ConvertAll(claim => claim.Value.CreatedAt),
        };
        var claimed = (await connection.QueryAsync<(string Scope, string Key)>(
            new CommandDefinition(Claim, parameters, cancellationToken: cancellationToken))).ToHashSet();

        var usedKeys = new Dictionary<UsageRecord, string>(ReferenceEqualityComparer.Instance);
        foreach (var record in records)
        {
            var scope = record.Scope.Id;
            bool IsNew(string key) => ReferenceEquals(owners[(scope, key)], record) && claimed.Contains((scope, key));
            if (record.IdempotencyKeys.FirstOrDefault(key => !IsNew(key)) is not { } used)
                continue;

            usedKeys.Add(record, used);
            // Only one of the two keys was used before: the other one leads to the first result from now on.
            foreach (var key in record.IdempotencyKeys.Where(IsNew))
            {
                await connection.ExecuteAsync(
                    new CommandDefinition(Redirect, new { scope, used, key }, cancellationToken: cancellationToken));
            }
        }

        if (usedKeys.Count == 0)
            return replays;

        await connection.WaitOnCommitAsync(cancellationToken);
        var found = await connection.QueryAsync<FirstResult>(new CommandDefinition(Find, parameters, cancellationToken: cancellationToken));
        var results = found.ToDictionary(first => (first.Scope, first.Key), first => first.ToReplay());
        foreach (var (record, used) in usedKeys)
            replays.Add(record, results[(record.Scope.Id, used)]);
        return replays;
    }

    private sealed record FirstResult(
        string Scope, string Key, Guid LogId, decimal Cost, string CostSource, string? PricedAs, DateTime LoggedAt)
    {
        public LogResult ToReplay() => new(LogId, Cost, LoggedAt, CostSource, PricedAs) { IsReplay = true };
    }
}
