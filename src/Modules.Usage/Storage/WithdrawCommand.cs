using Dapper;
using LlmRing.Modules.Usage.Repricing;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>Deletes usages and takes them out of their rollups, in the transaction of the caller.</summary>
internal static class WithdrawCommand
{
    /// <param name="connection">Inside a transaction.</param>
    /// <param name="scope">The owner of the usages; usages of other scopes stay.</param>
    /// <param name="ids">Their ids.</param>
    /// <param name="cancellationToken">Cancels the statements.</param>
    public static async Task ExecuteAsync(
        NpgsqlConnection connection, Scope scope, IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken)
    {
        var withdrawn = await connection.QueryAsync<StoredUsage>(new CommandDefinition(
            $"delete from usage_logs where id = any(@ids) and {scope.Filter} returning {StoredUsage.Columns}",
            new { ids = ids.ToArray(), scope.ApiKeyId, scope.ProjectId },
            cancellationToken: cancellationToken));
        var records = withdrawn.Select(usage => usage.ToRecord() with { Scope = scope }).ToList();
        if (records.Count == 0)
            return;

        await using var command = new NpgsqlCommand(RollupParameters.AddToRollups, connection);
        command.Parameters.AddRollups(UsageRollup.OfChanges(records, []));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
