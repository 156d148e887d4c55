using Dapper;
using LlmRing.Shared.Postgres;
using Npgsql;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>
/// Turns <c>search_backlog</c> into rows of the index, and then <c>search_reindex</c>: rows that an older server indexed by
/// other rules.
/// </summary>
internal sealed class SearchIndexWriter(NpgsqlDataSource database)
{
    /// <summary>
    /// The rules by which <see cref="SearchTokenizer"/> makes lexemes; rows of another version are searched as they were made.
    /// </summary>
    public const int Version = 2;

    /// <summary>Target number of messages per step; one larger write is still indexed whole.</summary>
    private const int StepMessages = 5_000;

    /// <summary>Bytes of messages that are read and tokenized at once.</summary>
    private const int PartBytes = 4_000_000;

    /// <summary>Indexes some of the backlog, oldest first.</summary>
    /// <returns>False when nothing is left or another host is indexing.</returns>
    public async Task<bool> IndexStepAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // One step at a time, so an older title never overwrites a newer one.
        if (!await connection.ExecuteScalarAsync<bool>(CommandOf(
            "select pg_try_advisory_xact_lock(@lockKey)", new { lockKey = AdvisoryLocks.SearchIndex })))
        {
            return false;
        }

        var entries = await TakeAsync("search_backlog");
        if (entries.Count == 0)
            entries = await TakeAsync("search_reindex");
        await IndexTitlesAsync();
        await IndexMessagesAsync();
        await transaction.CommitAsync(cancellationToken);
        return entries.Count > 0;

        async Task<List<Entry>> TakeAsync(string queue) => (await connection.QueryAsync<Entry>(CommandOf(
            $"""
            delete from {queue}
            where id in (
                select id
                from (
                    select id, sum(messages) over (order by id) - messages as before
                    from (
                        select id, last_position - first_position + 1 as messages
                        from {queue}
                        order by id
                        limit 1000) oldest) counted
                where before < @stepMessages)
            returning conversation_id, first_position, last_position, title
            """,
            new { stepMessages = StepMessages }))).AsList();

        // The key share locks wait for concurrent deletions and skip the deleted rows, so no foreign key fails.
        async Task IndexTitlesAsync()
        {
            var titles = (await connection.QueryAsync<Title>(CommandOf(
                "select id, title as text from conversations where id = any(@ids) and title is not null for key share",
                new { ids = entries.Where(entry => entry.Title).Select(entry => entry.ConversationId).Distinct().ToArray() }))).AsList();
            await connection.ExecuteAsync(CommandOf(
                """
                insert into search_titles (conversation_id, title, document)
                select c.id, d.title, d.document::tsvector || search_scopes(c.api_key_id, c.project_id)
                from unnest(@ids, @titles, @documents) as d (id, title, document)
                join conversations c on c.id = d.id
                on conflict (conversation_id) do update set title = excluded.title, document = excluded.document
                """,
                new
                {
                    ids = titles.Select(title => title.Id).ToArray(),
                    titles = titles.Select(title => title.Text).ToArray(),
                    documents = titles.Select(title => SearchDocument.Of(title.Text)).ToArray(),
                }));
        }

        async Task IndexMessagesAsync()
        {
            var messages = (await connection.QueryAsync<SizedMessage>(CommandOf(
                """
                select m.conversation_id, m.position,
                    coalesce(octet_length(m.content), 0) + coalesce(pg_column_size(m.tool_calls), 0)
                        + coalesce(pg_column_size(m.tool_results), 0) as bytes
                from unnest(@ids, @first, @last) as entry (id, first, last)
                join messages m on m.conversation_id = entry.id and m.position between entry.first and entry.last
                where m.content is not null or m.tool_calls is not null or m.tool_results is not null
                for key share of m
                """,
                new
                {
                    ids = entries.Select(entry => entry.ConversationId).ToArray(),
                    first = entries.Select(entry => entry.FirstPosition).ToArray(),
                    last = entries.Select(entry => entry.LastPosition).ToArray(),
                }))).DistinctBy(message => (message.ConversationId, message.Position)).ToList();

            for (var next = 0; next < messages.Count;)
            {
                var first = next;
                for (var bytes = 0L; next < messages.Count && bytes < PartBytes; next++)
                    bytes += messages[next].Bytes;
                await IndexPartAsync(messages.GetRange(first, next - first));
            }
        }

        async Task IndexPartAsync(List<SizedMessage> part)
        {
            var sources = (await connection.QueryAsync<SearchSource>(CommandOf(
                $"""
                select {SearchSource.Columns}
                from unnest(@ids, @positions) as part (id, position)
                join messages m on m.conversation_id = part.id and m.position = part.position
                """,
                new
                {
                    ids = part.Select(message => message.ConversationId).ToArray(),
                    positions = part.Select(message => message.Position).ToArray(),
                }))).AsList();
            await connection.ExecuteAsync(CommandOf(
                """
                insert into search_messages (conversation_id, position, version, document)
                select c.id, d.position, @version, d.document::tsvector || search_scopes(c.api_key_id, c.project_id)
                from unnest(@ids, @positions, @documents) as d (id, position, document)
                join conversations c on c.id = d.id
                on conflict (conversation_id, position) do update set version = excluded.version, document = excluded.document
                """,
                new
                {
                    version = (short)Version,
                    ids = sources.Select(source => source.ConversationId).ToArray(),
                    positions = sources.Select(source => source.Position).ToArray(),
                    documents = sources.Select(source => SearchDocument.Of(source.Text)).ToArray(),
                }));
        }

        CommandDefinition CommandOf(string sql, object parameters) =>
            new(sql, parameters, transaction, commandTimeout: 300, cancellationToken: cancellationToken);
    }

    /// <summary>Messages of a conversation, and whether its title is to be indexed, too.</summary>
    private sealed record Entry
    {
        public Guid ConversationId { get; init; }
        public long FirstPosition { get; init; }
        public long LastPosition { get; init; }
        public bool Title { get; init; }
    }

    private sealed record Title
    {
        public Guid Id { get; init; }
        public required string Text { get; init; }
    }

    private sealed record SizedMessage
    {
        public Guid ConversationId { get; init; }
        public long Position { get; init; }
        public int Bytes { get; init; }
    }
}
