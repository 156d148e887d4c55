using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Http;
using Npgsql;

namespace LlmRing.Modules.Usage;

/// <summary>Tells other modules what was spent, from the hourly totals alone.</summary>
internal sealed class UsageTotals(NpgsqlDataSource database) : IUsageTotals
{
    public async Task<UsageCosts> GetCostsAsync(Scope scope, DateTimeOffset from, DateTimeOffset until, IReadOnlyCollection<string> aliases, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var rows = (await connection.QueryAsync<(string? Alias, decimal Cost)>(new CommandDefinition(
            """
            select case when alias = any(@aliases) then alias end, trim_scale(round(sum(cost), 12))
            from usage_rollups
            where scope = @Scope and hour >= @from and hour < @until
            group by 1
            """,
            new { Scope = scope.Id, from, until, aliases = aliases.ToArray() },
            cancellationToken: cancellationToken))).AsList();
        return new UsageCosts(rows.Sum(row => row.Cost), rows.Where(row => row.Alias is not null).ToDictionary(row => row.Alias!, row => row.Cost));
    }
}
