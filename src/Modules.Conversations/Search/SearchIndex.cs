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
internal sealed class SearchIndex(NpgsqlDataSource database, ReadReplica reads)
{
    /// <summary>Target number of messages per step; one larger write is still indexed whole.</summary>
    private const int StepMessages = 5_000;

    /// <summary>A search ranks this many of the newest matches: to rank all matches of a frequent word would take too long.</summary>
    private const int Candidates = 10_000;

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

    /// <summary>Indexes some of the backlog, oldest first.</summary>
    /// <returns>False when the backlog is empty or another host is indexing.</returns>
    public async Task<bool> IndexStepAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var parameters = new { lockKey = AdvisoryLocks.SearchIndex, stepMessages = StepMessages };
        // One step at a time, so an older title never overwrites a newer one.
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select pg_try_advisory_xact_lock(@lockKey)", parameters, transaction, cancellationToken: cancellationToken)))
        {
            return false;
        }

        // The key share locks wait for concurrent deletions and skip the deleted rows, so no foreign key fails.
        var taken = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            """
            with taken as (
                delete from search_backlog
                where id in (
                    select id
                    from (
                        select id, sum(messages) over (order by id) - messages as before
                        from (
                            select id, last_position - first_position + 1 as messages
                            from search_backlog
                            order by id
                            limit 1000) oldest) counted
                    where before < @stepMessages)
                returning conversation_id, first_position, last_position, title),
            titles as (
                select c.id, search_document(c.title, c.api_key_id, c.project_id) as document
                from conversations c
                where c.id in (select conversation_id from taken where title) and c.title is not null
                for key share of c),
            indexed_titles as (
                insert into search_titles (conversation_id, document)
                select id, document from titles
                on conflict (conversation_id) do update set document = excluded.document),
            contents as (
                select m.conversation_id, m.position, search_document(m.content, c.api_key_id, c.project_id) as document
                from taken t
                join conversations c on c.id = t.conversation_id
                join messages m on m.conversation_id = t.conversation_id and m.position between t.first_position and t.last_position
                where m.content is not null
                for key share of m),
            indexed_contents as (
                insert into search_messages (conversation_id, position, document)
                select conversation_id, position, document from contents
                on conflict do nothing)
            select count(*) from taken
            """,
            parameters,
            transaction,
            commandTimeout: 300,
            cancellationToken: cancellationToken));
        await transaction.CommitAsync(cancellationToken);
        return taken > 0;
    }

    /// <summary>A page of the scope's matching titles and messages, best first.</summary>
    /// <param name="scope">The owner of the conversations.</param>
    /// <param name="text">Words, "phrases", <c>or</c>, <c>-without</c>.</param>
    /// <param name="limit">Rows of the page.</param>
    /// <param name="offset">Rows before the page.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public Task<IReadOnlyList<SearchHit>> SearchAsync(
        Scope scope, string text, int limit, int offset, CancellationToken cancellationToken)
    {
        // Not materialized: the planner then folds the immutable functions of "query" into constants and estimates by them.
        // The lexeme of the scope is part of the indexed document, so the index also answers whose document it is.
        // numnode is 0 for a text without words, which would match nothing but cost a scan.
        // Snippets are made of the page's rows only, and their text is escaped before the marks are added.
        return reads.ReadAsync<IReadOnlyList<SearchHit>>(async connection => (await connection.QueryAsync<SearchHit>(new CommandDefinition(
            $"""
            with query as not materialized (
                select websearch_to_tsquery('simple', @text) as words, quote_literal(search_scope(@scopeId))::tsquery as scope),
            indexed as (
                select conversation_id, position, ts_rank(document, words, 1) as rank
                from (
                    select id, conversation_id, position, document, words
                    from query
                    join search_messages on document @@ (words && scope)
                    order by id desc
                    limit @candidates) newest),
            titles as (
                select t.conversation_id, 0::bigint as position, ts_rank(t.document, words, 1) as rank
                from query
                join search_titles t on t.document @@ (words && scope)
                join conversations c on c.id = t.conversation_id and search_words(c.title) @@ words
                limit @candidates),
            backlog as (
                select b.id, b.conversation_id, b.first_position, b.last_position, b.title, c.title as text
                from (
                    select id, conversation_id, first_position, last_position, title
                    from search_backlog
                    order by id desc
                    limit 1000) b
                join conversations c on c.id = b.conversation_id and {scope.FilterOn("c")}),
            fresh as (
                select conversation_id, position, ts_rank(document, words, 1) as rank
                from query
                join (
                    select m.conversation_id, m.position, search_words(m.content) as document
                    from backlog b
                    join messages m on m.conversation_id = b.conversation_id and m.position between b.first_position and b.last_position
                    where m.content is not null
                    order by b.id desc
                    limit 1000) newest on document @@ words
                union all
                select conversation_id, 0, ts_rank(search_words(text), words, 1)
                from query
                join backlog on title and search_words(text) @@ words),
            page as (
                select hit.conversation_id, hit.position, max(hit.rank) as rank
                from query
                cross join (select * from indexed union all select * from titles union all select * from fresh) hit
                where numnode(words) > 0
                group by hit.conversation_id, hit.position
                order by rank desc, hit.conversation_id desc, hit.position
                limit @limit offset @offset)
            select page.conversation_id, c.title, m.id as message_id, m.role, page.rank,
                coalesce(m."timestamp", c.created_at) as "timestamp",
                ts_headline(
                    'simple',
                    replace(replace(replace(left(coalesce(m.content, c.title), 50000), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
                    query.words,
                    'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=10, ShortWord=0') as snippet
            from query
            cross join page
            join conversations c on c.id = page.conversation_id and {scope.FilterOn("c")}
            left join messages m on m.conversation_id = page.conversation_id and m.position = page.position
            where page.position = 0 or m.content is not null
            order by page.rank desc, page.conversation_id desc, page.position
            """,
            new { scope.ApiKeyId, scope.ProjectId, scopeId = scope.Id, text, candidates = Candidates, limit, offset },
            cancellationToken: cancellationToken))).AsList(), cancellationToken);
    }
}
