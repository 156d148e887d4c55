using Dapper;
using LlmRing.Modules.Conversations.SearchConversations;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;

namespace LlmRing.Modules.Conversations;

/// <summary>
/// The words of titles and messages. Writers note in <c>search_backlog</c> what they stored; it is indexed from there a
/// moment later, by one host at a time. Searches read the index and the newest of the backlog, so that a caller finds
/// at once what it just stored.
/// </summary>
internal sealed class SearchIndex(NpgsqlDataSource database, ReadReplica reads)
{
    /// <summary>Messages that one step indexes, as long as they come from more than one write.</summary>
    private const int StepMessages = 5_000;

    /// <summary>The newest matches among which a search ranks: a word that is everywhere must not be ranked everywhere.</summary>
    private const int Candidates = 10_000;

    /// <summary>Gives conversations of a key to its project: they, and what is indexed of them. Nothing is indexed meanwhile.</summary>
    public static string FillProjects { get; } = $"""
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
    /// <returns>Whether there was any and no other host was at it.</returns>
    public async Task<bool> IndexStepAsync(CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var parameters = new { lockKey = AdvisoryLocks.SearchIndex, StepMessages };
        if (!await connection.ExecuteScalarAsync<bool>(new CommandDefinition("select pg_try_advisory_xact_lock(@lockKey)", parameters, transaction, cancellationToken: cancellationToken)))
            return false;

        // One at a time, so a later title never loses to an earlier one. What is deleted meanwhile is passed over.
        var taken = await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            """
            with taken as (
                delete from search_backlog
                where id in (
                    select id
                    from (
                        select id, sum(last_position - first_position + 1) over (order by id) - (last_position - first_position + 1) as before
                        from (select id, first_position, last_position from search_backlog order by id limit 1000) oldest) counted
                    where before < @StepMessages)
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

    /// <summary>A page of what the scope stored that matches, best first.</summary>
    /// <param name="scope">Whose.</param>
    /// <param name="text">Words, "phrases", <c>or</c>, <c>-without</c>.</param>
    /// <param name="limit">Rows of the page.</param>
    /// <param name="offset">Rows before it.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public Task<IReadOnlyList<SearchHit>> SearchAsync(Scope scope, string text, int limit, int offset, CancellationToken cancellationToken)
    {
        // search_scope and websearch_to_tsquery are immutable: the planner sees constants and takes the index.
        // Snippets are made of the page's rows only; they are escaped before the marks are set.
        return reads.ReadAsync<IReadOnlyList<SearchHit>>(async connection => (await connection.QueryAsync<SearchHit>(new CommandDefinition(
            $"""
            with indexed as (
                select conversation_id, position, ts_rank(document, websearch_to_tsquery('simple', @text), 1) as rank
                from (
                    select id, conversation_id, position, document
                    from search_messages
                    where document @@ (websearch_to_tsquery('simple', @text) && quote_literal(search_scope(@ScopeId))::tsquery)
                    order by id desc
                    limit @Candidates) newest),
            titles as (
                select t.conversation_id, 0::bigint as position, ts_rank(t.document, websearch_to_tsquery('simple', @text), 1) as rank
                from search_titles t
                join conversations c on c.id = t.conversation_id
                where t.document @@ (websearch_to_tsquery('simple', @text) && quote_literal(search_scope(@ScopeId))::tsquery)
                    and search_words(c.title) @@ websearch_to_tsquery('simple', @text)
                limit @Candidates),
            backlog as (
                select b.id, b.conversation_id, b.first_position, b.last_position, b.title, c.title as text
                from (select id, conversation_id, first_position, last_position, title from search_backlog order by id desc limit 1000) b
                join conversations c on c.id = b.conversation_id and c.{scope.Filter}),
            fresh as (
                select conversation_id, position, ts_rank(document, websearch_to_tsquery('simple', @text), 1) as rank
                from (
                    select m.conversation_id, m.position, search_words(m.content) as document
                    from backlog b
                    join messages m on m.conversation_id = b.conversation_id and m.position between b.first_position and b.last_position
                    where m.content is not null
                    order by b.id desc
                    limit 1000) newest
                where document @@ websearch_to_tsquery('simple', @text)
                union all
                select conversation_id, 0, ts_rank(search_words(text), websearch_to_tsquery('simple', @text), 1)
                from backlog
                where title and search_words(text) @@ websearch_to_tsquery('simple', @text)),
            page as (
                select hit.conversation_id, hit.position, max(hit.rank) as rank
                from (select * from indexed union all select * from titles union all select * from fresh) hit
                where numnode(websearch_to_tsquery('simple', @text)) > 0
                group by hit.conversation_id, hit.position
                order by rank desc, hit.conversation_id desc, hit.position
                limit @limit offset @offset)
            select page.conversation_id, c.title, m.id as message_id, m.role, page.rank, coalesce(m."timestamp", c.created_at) as "timestamp",
                ts_headline(
                    'simple',
                    replace(replace(replace(left(coalesce(m.content, c.title), 50000), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
                    websearch_to_tsquery('simple', @text),
                    'StartSel=<mark>, StopSel=</mark>, MaxFragments=2, MaxWords=30, MinWords=10, ShortWord=0') as snippet
            from page
            join conversations c on c.id = page.conversation_id and c.{scope.Filter}
            left join messages m on m.conversation_id = page.conversation_id and m.position = page.position
            where page.position = 0 or m.content is not null
            order by page.rank desc, page.conversation_id desc, page.position
            """,
            new { scope.ApiKeyId, scope.ProjectId, ScopeId = scope.Id, text, Candidates, limit, offset },
            cancellationToken: cancellationToken))).AsList(), cancellationToken);
    }
}
