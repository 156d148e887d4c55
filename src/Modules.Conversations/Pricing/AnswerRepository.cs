using Dapper;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Modules.Conversations.Pricing;

/// <summary>Reads the answers that have a cost source, and gives them other costs.</summary>
internal sealed class AnswerRepository(NpgsqlDataSource database)
{
    /// <summary>Answers of one step, which bounds its locks and dead rows.</summary>
    private const int StepAnswers = 500;

    /// <summary>The next answers that match, in the order of the index on (conversation_id, position).</summary>
    /// <param name="filter">Which answers.</param>
    /// <param name="after">The last answer of the page before.</param>
    /// <param name="cancellationToken">Ends the query.</param>
    public async Task<List<StoredAnswer>> ListAsync(AnswerFilter filter, StoredAnswer? after, CancellationToken cancellationToken)
    {
        var scope = filter.Scope;
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        // The planner uses the index messages_unpriced only where its condition is part of the statement.
        return (await connection.QueryAsync<StoredAnswer>(new CommandDefinition(
            $"""
            select m.conversation_id, m.position, m.input_tokens, m.output_tokens, m.metadata
            from messages m
            {(scope is null ? "" : $"join conversations c on c.id = m.conversation_id and {scope.FilterOn("c")}")}
            where m.metadata ->> 'cost_source' {(filter.IsUnpricedOnly ? "= 'unpriced'" : "= any(@costSources)")}
                and (m.conversation_id, m.position) > (@conversationId, @position)
                {(filter.From is null ? "" : """and m."timestamp" >= @from""")}
                {(filter.Until is null ? "" : """and m."timestamp" < @until""")}
            order by m.conversation_id, m.position
            limit @limit
            """,
            new
            {
                scope?.ApiKeyId,
                scope?.ProjectId,
                costSources = filter.CostSources.ToArray(),
                conversationId = after?.ConversationId ?? Guid.Empty,
                position = after?.Position ?? 0,
                from = filter.From?.UtcDateTime,
                until = filter.Until?.UtcDateTime,
                limit = StepAnswers,
            },
            commandTimeout: 300,
            cancellationToken: cancellationToken))).AsList();
    }

    /// <summary>Gives answers their new costs, and corrects the totals of their conversations in the same transaction.</summary>
    /// <param name="answers">Answers whose cost source changed since they were read keep their cost.</param>
    /// <param name="cancellationToken">Cancels the transaction.</param>
    public async Task<ConversationRepricing> UpdateAsync(IReadOnlyList<RepricedAnswer> answers, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // In the order of their ids, so that two hosts never wait for each other. The lock keeps the costs as the next statement
        // reads them.
        await connection.ExecuteAsync(new CommandDefinition(
            "select from conversations where id = any(@ids) order by id for no key update",
            new { ids = answers.Select(answer => answer.Answer.ConversationId).Distinct().ToArray() },
            transaction,
            cancellationToken: cancellationToken));
        await using var command = new NpgsqlCommand(
            """
            with answer as (
                select
                    m.id, m.conversation_id, repriced.cost, repriced.cost_source, repriced.priced_as,
                    case when jsonb_typeof(m.metadata -> 'cost') = 'number' then round((m.metadata ->> 'cost')::numeric, 12) else 0 end
                        as former_cost
                from unnest(@conversationIds, @positions, @formerSources, @costs, @costSources, @pricedAs)
                    as repriced (conversation_id, position, former_source, cost, cost_source, priced_as)
                join messages m on m.conversation_id = repriced.conversation_id and m.position = repriced.position
                where m.metadata ->> 'cost_source' = repriced.former_source),
            updated as (
                update messages
                set metadata = metadata || jsonb_build_object('cost', cost, 'cost_source', cost_source, 'priced_as', priced_as)
                from answer
                where messages.id = answer.id
                returning answer.conversation_id, former_cost, cost),
            totals as (
                update conversations
                set total_cost = total_cost + change
                from (select conversation_id, sum(cost - former_cost) as change from updated group by conversation_id) changes
                where conversations.id = changes.conversation_id)
            select count(*), coalesce(sum(former_cost), 0), coalesce(sum(cost), 0) from updated
            """,
            connection,
            transaction);
        var parameters = command.Parameters;
        parameters.AddArray("conversationIds", NpgsqlDbType.Uuid, answers, answer => answer.Answer.ConversationId);
        parameters.AddArray("positions", NpgsqlDbType.Bigint, answers, answer => answer.Answer.Position);
        parameters.AddArray("formerSources", NpgsqlDbType.Text, answers, answer => answer.Before.CostSource);
        parameters.AddArray("costs", NpgsqlDbType.Numeric, answers, answer => answer.After.Cost);
        parameters.AddArray("costSources", NpgsqlDbType.Text, answers, answer => answer.After.CostSource);
        parameters.AddArray("pricedAs", NpgsqlDbType.Text, answers, answer => answer.After.PricedAs);
        ConversationRepricing result;
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            result = new ConversationRepricing(reader.GetInt64(0), reader.GetDecimal(1), reader.GetDecimal(2));
        }

        await transaction.CommitAsync(cancellationToken);
        return result;
    }
}

/// <summary>Which answers are priced again.</summary>
/// <param name="Scope">The owner of the conversations; null: all scopes.</param>
/// <param name="From">The earliest time, UTC; null: no bound.</param>
/// <param name="Until">The time from which answers are left out, UTC; null: no bound.</param>
/// <param name="CostSources">Their present cost sources.</param>
internal sealed record AnswerFilter(Scope? Scope, DateTimeOffset? From, DateTimeOffset? Until, IReadOnlyCollection<string> CostSources)
{
    /// <summary>Whether an index knows the answers.</summary>
    public bool IsUnpricedOnly => CostSources.Count == 1 && CostSources.Contains(Pricing.CostSources.Unpriced);
}
