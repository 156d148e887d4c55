using Dapper;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Conversations.Search;

/// <summary>
/// The full-text index of titles and messages. Each statement that stores some also adds a row to <c>search_backlog</c>;
/// <see cref="SearchIndexer"/> indexes from there, on one host at a time. Searches read the index and the newest rows of
/// the backlog, so that a caller finds a message right after its commit.
/// </summary>
internal sealed class SearchIndex(ReadReplica reads)
{
    /// <summary>A search ranks this many of the newest matches: to rank all matches of a frequent word would take too long.</summary>
    private const int Candidates = 10_000;

    /// <summary>Bytes of messages in the backlog that a search reads and tokenizes, newest first.</summary>
    private const int BacklogBytes = 4_000_000;

    /// <summary>
    /// Gives conversations of a key, and their rows of the index, to the key's project. The lock keeps steps of the index
    /// from running meanwhile.
    /// </summary>
    public static string BackfillProjects { get; } = $"""
        select pg_advisory_xact_lock({AdvisoryLocks.SearchIndex});
        with filled as (
            update conversations c set project_id = k.project_id
            from llmring_api.api_keys k
            where c.api_key_id = k.id::text and c.project_id is null and k.project_id is not null
            returning c.id, array_to_tsvector(array[search_scope('project:' || k.project_id)]) as scope),
        titles as (
            update search_titles t set document = document || scope from filled where t.conversation_id = filled.id)
        update search_messages m set document = document || scope from filled where m.conversation_id = filled.id
        """;

    /// <summary>A page of the scope's matching titles and messages, best first.</summary>
    /// <param name="scope">The owner of the conversations.</param>
    /// <param name="text">The query, as <see cref="SearchQuery"/> reads it.</param>
    /// <param name="limit">Rows of the page.</param>
    /// <param name="offset">Rows before the page.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<IReadOnlyList<SearchHit>> SearchAsync(
        Scope scope, string text, int limit, int offset, CancellationToken cancellationToken)
    {
        var query = SearchQuery.Parse(text);
        // A query without words would match nothing but cost a scan.
        if (query.Text.Length == 0)
            return [];

        return await reads.ReadAsync<IReadOnlyList<SearchHit>>(async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            // A generic plan of a prepared statement does not know how frequent the words are.
            await connection.ExecuteAsync(new CommandDefinition(
                "set local plan_cache_mode = force_custom_plan", transaction: transaction, cancellationToken: cancellationToken));
            var fresh = await ReadBacklogAsync(connection, scope, cancellationToken);
            var hits = new List<SearchHit>();
            await foreach (var match in FindAsync(connection, scope, text, query, fresh, limit, offset).WithCancellation(cancellationToken))
                hits.Add(match.ToHit(query));
            await transaction.CommitAsync(cancellationToken);
            return hits;
        }, cancellationToken);
    }

    /// <summary>
    /// Reads what is not indexed yet. What the indexer takes meanwhile is both fresh and indexed, and found once.
    /// </summary>
    private static async Task<List<SearchSource>> ReadBacklogAsync(
        NpgsqlConnection connection, Scope scope, CancellationToken cancellationToken) =>
        (await connection.QueryAsync<SearchSource>(new CommandDefinition(
            $"""
            with backlog as (
                select b.id, b.conversation_id, b.first_position, b.last_position, b.title, c.title as text
                from (
                    select id, conversation_id, first_position, last_position, title
                    from search_backlog
                    order by id desc
                    limit 1000) b
                join conversations c on c.id = b.conversation_id and {scope.FilterOn("c")}),
            newest as (
                select b.id, m.conversation_id, m.position,
                    sum(coalesce(octet_length(m.content), 0) + coalesce(pg_column_size(m.tool_calls), 0)
                        + coalesce(pg_column_size(m.tool_results), 0)) over (order by b.id desc, m.position desc) as bytes
                from backlog b
                join messages m on m.conversation_id = b.conversation_id and m.position between b.first_position and b.last_position
                where m.content is not null or m.tool_calls is not null or m.tool_results is not null
                order by b.id desc, m.position desc
                limit 1000)
            select {SearchSource.Columns}
            from newest
            join messages m on m.conversation_id = newest.conversation_id and m.position = newest.position
            where newest.bytes <= @backlogBytes
            union all
            select distinct conversation_id, 0::bigint, text, null, null from backlog where title and text is not null
            """,
            new { scope.ApiKeyId, scope.ProjectId, backlogBytes = BacklogBytes },
            cancellationToken: cancellationToken))).AsList();

    private static IAsyncEnumerable<Match> FindAsync(
        NpgsqlConnection connection, Scope scope, string text, SearchQuery query, List<SearchSource> fresh, int limit, int offset) =>
        // Not materialized: the planner then folds the immutable functions of "query" into constants and estimates by them.
        // The lexeme of the scope is part of the indexed document, so the index also answers whose document it is.
        // Rows that an older server indexed are found by their words until they are indexed again; mostly there are none.
        // The newest matches are joined by ctid, so that documents are not sorted: those of 100,000 matches would spill to disk.
        // The content is read of the page's rows only.
        connection.QueryUnbufferedAsync<Match>(
            $"""
            with query as not materialized (
                select @query::tsquery as words, websearch_to_tsquery('simple', @text) as outdated_words,
                    quote_literal(search_scope(@scopeId))::tsquery as scope),
            indexed as (
                select m.conversation_id, m.position, ts_rank(m.document, words, 1) as rank
                from (
                    select search_messages.ctid, words
                    from query
                    join search_messages on document @@ (words && scope)
                    where version = {SearchIndexWriter.Version}
                    order by id desc
                    limit @candidates) newest
                join search_messages m on m.ctid = newest.ctid),
            outdated as (
                select m.conversation_id, m.position, ts_rank(m.document, outdated_words, 1) as rank
                from (
                    select search_messages.ctid, outdated_words
                    from query
                    join search_messages on document @@ (outdated_words && scope)
                    where version = 1 and exists (select from search_messages where version = 1)
                    order by id desc
                    limit @candidates) newest
                join search_messages m on m.ctid = newest.ctid),
            titles as (
                select t.conversation_id, 0::bigint as position, ts_rank(t.document, words, 1) as rank
                from query
                join search_titles t on t.document @@ (words && scope)
                join conversations c on c.id = t.conversation_id and c.title = t.title
                limit @candidates),
            outdated_titles as (
                select t.conversation_id, 0::bigint as position, ts_rank(t.document, outdated_words, 1) as rank
                from query
                join search_titles t on t.document @@ (outdated_words && scope) and t.title is null
                join conversations c on c.id = t.conversation_id and search_words(c.title) @@ outdated_words
                where exists (select from search_titles where title is null)
                limit @candidates),
            fresh as (
                select id as conversation_id, position, ts_rank(document, words, 1) as rank
                from query
                join (
                    select id, position, document::tsvector as document
                    from unnest(@freshIds, @freshPositions, @freshDocuments) as row (id, position, document)) fresh on document @@ words),
            page as (
                select conversation_id, position, max(rank) as rank
                from (
                    select * from indexed
                    union all select * from outdated
                    union all select * from titles
                    union all select * from outdated_titles
                    union all select * from fresh) hit
                group by conversation_id, position
                order by rank desc, conversation_id desc, position
                limit @limit offset @offset)
            select page.conversation_id, c.title, m.id as message_id, page.position, m.role, page.rank,
                coalesce(m."timestamp", c.created_at) as "timestamp",
                search_source(m.content) as content, search_source(m.tool_calls::text) as tool_calls,
                search_source(m.tool_results::text) as tool_results
            from page
            join conversations c on c.id = page.conversation_id and {scope.FilterOn("c")}
            left join messages m on m.conversation_id = page.conversation_id and m.position = page.position
            where page.position = 0 or m.id is not null
            order by page.rank desc, page.conversation_id desc, page.position
            """,
            new
            {
                scope.ApiKeyId,
                scope.ProjectId,
                scopeId = scope.Id,
                query = query.Text,
                text,
                candidates = Candidates,
                freshIds = fresh.Select(source => source.ConversationId).ToArray(),
                freshPositions = fresh.Select(source => source.Position).ToArray(),
                freshDocuments = fresh.Select(source => SearchDocument.Of(source.Text)).ToArray(),
                limit,
                offset,
            });

    /// <summary>A hit with the text of its snippet.</summary>
    private sealed record Match
    {
        public Guid ConversationId { get; init; }
        public string? Title { get; init; }
        public Guid? MessageId { get; init; }
        public long Position { get; init; }
        public string? Role { get; init; }
        public float Rank { get; init; }
        public DateTimeOffset Timestamp { get; init; }
        public string? Content { get; init; }
        public string? ToolCalls { get; init; }
        public string? ToolResults { get; init; }

        public SearchHit ToHit(SearchQuery query) => new()
        {
            ConversationId = ConversationId,
            Title = Title,
            MessageId = MessageId,
            Position = MessageId is null ? null : Position,
            Role = Role,
            Snippet = SearchSnippet.Of(MessageId is null ? Title! : SearchText.Of(Content, ToolCalls, ToolResults), query),
            Rank = Rank,
            Timestamp = Timestamp,
        };
    }
}
