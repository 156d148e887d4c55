using Dapper;
using LlmRing.Shared.Contracts;
using Npgsql;

namespace LlmRing.Modules.Conversations;

/// <summary>Deletes messages of all scopes that are too old; conversations and their totals stay.</summary>
internal sealed class MessageRetention(NpgsqlDataSource database, ConversationSettings settings, TimeProvider time) : IRetentionPolicy
{
    /// <summary>Messages that one statement looks at: locks and dead rows stay few at a time.</summary>
    private const int Step = 10_000;

    public bool RunsDaily => settings.RetentionEnabled;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        var cutoff = time.GetUtcNow().AddDays(-settings.MessageRetentionDays).UtcDateTime;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var count = dryRun
            ? await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                """select count(*) from messages where "timestamp" < @cutoff""", new { cutoff }, commandTimeout: 0, cancellationToken: cancellationToken))
            : await DeleteAsync(connection, cutoff, cancellationToken);
        return $"messages older than {settings.MessageRetentionDays} days: {count} {(dryRun ? "would be deleted" : "deleted")}";
    }

    private static async Task<long> DeleteAsync(NpgsqlConnection connection, DateTime cutoff, CancellationToken cancellationToken)
    {
        var (deleted, conversation, position) = (0L, Guid.Empty, -1L);
        while (true)
        {
            // Once through the table along its index; there is none by time, which every message would pay for.
            // Rows that another clean-up is deleting are left to it, so that two never wait for each other.
            var page = await connection.QuerySingleOrDefaultAsync<(long Deleted, Guid Conversation, long Position)?>(new CommandDefinition(
                """
                with page as materialized (
                    select id, conversation_id, position, "timestamp"
                    from messages
                    where (conversation_id, position) > (@conversation, @position)
                    order by conversation_id, position
                    limit @Step),
                old as (
                    select m.id
                    from page
                    join messages m on m.id = page.id
                    where page."timestamp" < @cutoff
                    for update of m skip locked),
                deleted as (
                    delete from messages where id in (select id from old) returning id)
                select (select count(*) from deleted) as deleted, conversation_id, position
                from page
                order by conversation_id desc, position desc
                limit 1
                """,
                new { conversation, position, cutoff, Step },
                commandTimeout: 300,
                cancellationToken: cancellationToken));
            if (page is null)
                return deleted;
            deleted += page.Value.Deleted;
            (conversation, position) = (page.Value.Conversation, page.Value.Position);
        }
    }
}
