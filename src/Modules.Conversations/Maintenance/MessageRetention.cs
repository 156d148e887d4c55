using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Conversations.Maintenance;

/// <summary>Deletes old messages: of one scope on request, of all scopes as a retention policy. Conversations and totals stay.</summary>
internal sealed class MessageRetention(NpgsqlDataSource database, ConversationSettings settings, TimeProvider time) : IRetentionPolicy
{
    /// <summary>Messages that one statement reads, which bounds its locks and dead rows.</summary>
    private const int StepMessages = 10_000;

    public bool RunsDaily => settings.RetentionEnabled;

    public async Task<string> RunAsync(bool dryRun, CancellationToken cancellationToken)
    {
        var cutoff = CutoffOf(settings.MessageRetentionDays);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var count = dryRun
            ? await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                """select count(*) from messages where "timestamp" < @cutoff""",
                new { cutoff }, commandTimeout: 0, cancellationToken: cancellationToken))
            : await DeleteAsync(connection, scope: null, cutoff, cancellationToken);
        return $"messages older than {settings.MessageRetentionDays} days: {count} {(dryRun ? "would be deleted" : "deleted")}";
    }

    /// <summary>Deletes the scope's messages older than some days.</summary>
    /// <returns>Number of deleted messages.</returns>
    public async Task<long> DeleteAsync(Scope scope, int retentionDays, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await DeleteAsync(connection, scope, CutoffOf(retentionDays), cancellationToken);
    }

    // Clamped to a thousand years: DateTimeOffset begins in the year 1.
    private DateTime CutoffOf(int days) => time.GetUtcNow().AddDays(-Math.Min(days, 365_000)).UtcDateTime;

    private static async Task<long> DeleteAsync(
        NpgsqlConnection connection, Scope? scope, DateTime cutoff, CancellationToken cancellationToken)
    {
        // A scope's messages are found through its conversations, whatever their age: clients may send old messages.
        var ownConversations = scope is null ? "" : $"""
            join conversations c on c.id = m.conversation_id and {scope.FilterOn("c")} and c.id >= @conversation
            """;
        // Pages follow the index on (conversation_id, position). An index on the time would make this faster and every insert slower.
        // Locked rows are skipped: while this statement has locks, waiting for a step of the search index or for another deletion
        // could be a deadlock.
        var statement = $"""
            with page as materialized (
                select m.id, m.conversation_id, m.position, m."timestamp"
                from messages m
                {ownConversations}
                where (m.conversation_id, m.position) > (@conversation, @position)
                order by m.conversation_id, m.position
                limit @stepMessages),
            old as (
                select m.id
                from page
                join messages m on m.id = page.id
                where page."timestamp" < @cutoff
                for update of m skip locked),
            deleted as (
                delete from messages where id in (select id from old) returning id)
            select
                (select count(*) from deleted) as deleted, conversation_id, position,
                (select id from page where "timestamp" < @cutoff and id not in (select id from old) limit 1) as skipped
            from page
            order by conversation_id desc, position desc
            limit 1
            """;
        var (deleted, conversation, position) = (0L, Guid.Empty, -1L);
        while (true)
        {
            var page = await connection.QuerySingleOrDefaultAsync<(long Deleted, Guid Conversation, long Position, Guid? Skipped)?>(
                new CommandDefinition(
                    statement,
                    new { scope?.ApiKeyId, scope?.ProjectId, conversation, position, cutoff, stepMessages = StepMessages },
                    commandTimeout: 300,
                    cancellationToken: cancellationToken));
            if (page is null)
                return deleted;
            deleted += page.Value.Deleted;
            if (page.Value.Skipped is { } skipped)
            {
                // Waits for the end of the other transaction without a lock of its own. Then the same page is read again.
                await connection.ExecuteAsync(new CommandDefinition(
                    "select from messages where id = @skipped for update",
                    new { skipped },
                    commandTimeout: 300,
                    cancellationToken: cancellationToken));
                continue;
            }

            (conversation, position) = (page.Value.Conversation, page.Value.Position);
        }
    }
}
