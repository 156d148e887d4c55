using Dapper;
using LlmRing.Modules.Budgets.Storage;
using Npgsql;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>A row of <c>alerts</c>: a crossed threshold, and the delivery of its webhook.</summary>
internal sealed record Alert
{
    public Guid Id { get; init; }
    public Guid BudgetId { get; init; }
    public BudgetStatus Status { get; init; }

    /// <summary>The threshold in USD.</summary>
    public decimal Amount { get; init; }
    public decimal Spent { get; init; }
    public DateTimeOffset CrossedAt { get; init; }
    public int Attempts { get; init; }
    public DateTimeOffset? DeliveredAt { get; init; }
    public string? LastError { get; init; }
}

/// <summary>An alert whose webhook is to be sent now.</summary>
internal sealed record DueAlert
{
    public Guid Id { get; init; }
    public Guid BudgetId { get; init; }
    public string Alias { get; init; } = "";
    public DateTime Month { get; init; }
    public BudgetStatus Status { get; init; }
    public decimal LimitUsd { get; init; }
    public decimal Amount { get; init; }
    public decimal Spent { get; init; }
    public DateTimeOffset CrossedAt { get; init; }
    public string WebhookUrl { get; init; } = "";
    public string WebhookSecret { get; init; } = "";
}

/// <summary>The table <c>alerts</c>, an outbox: rows with a next attempt are webhooks to be sent.</summary>
internal sealed class AlertRepository(NpgsqlDataSource database)
{
    private const int MaxAttempts = 20;

    private const string Ended = "month <= (@by at time zone 'UTC')::date - interval '1 month'";

    /// <summary>Records the crossed thresholds, each once per month, however many hosts find it and however often.</summary>
    public async Task AddCrossedAsync(Budget budget, Month month, decimal spent, DateTimeOffset at, CancellationToken cancellationToken)
    {
        var crossed = budget.Thresholds.Where(threshold => spent >= threshold.Amount).ToList();
        if (crossed.Count == 0)
            return;

        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            """
            insert into budgets.alerts (id, budget_id, month, status, limit_usd, amount, spent, crossed_at, next_attempt_at)
            select gen_random_uuid(), budget.id, @month, crossed.status, @limitUsd, crossed.amount, @spent, @at, @at
            from unnest(@statuses, @amounts) as crossed (status, amount)
            -- Joined, since the budget may have been deleted meanwhile.
            join budgets.budgets as budget on budget.id = @budgetId
            on conflict do nothing
            """,
            new
            {
                budgetId = budget.Id,
                limitUsd = budget.LimitUsd,
                month = month.FirstDay,
                spent,
                at,
                statuses = crossed.ConvertAll(threshold => threshold.Status.ToString()),
                amounts = crossed.ConvertAll(threshold => threshold.Amount),
            },
            cancellationToken: cancellationToken));
    }

    /// <summary>The latest alert of each budget, by the id of the budget.</summary>
    public async Task<IReadOnlyDictionary<Guid, Alert>> FindLatestAsync(
        IReadOnlyCollection<Guid> budgetIds, Month month, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        var rows = await connection.QueryAsync<Alert>(new CommandDefinition(
            """
            select distinct on (budget_id) id, budget_id, status, amount, spent, crossed_at, attempts, delivered_at, last_error
            from budgets.alerts
            where budget_id = any(@ids) and month = @month
            order by budget_id, crossed_at desc, amount desc
            """,
            new { ids = budgetIds.ToArray(), month = month.FirstDay },
            cancellationToken: cancellationToken));
        return rows.ToDictionary(alert => alert.BudgetId);
    }

    /// <summary>
    /// Takes due alerts, round-robin over their owners. Taking an alert counts as an attempt and leases the alert: no other host
    /// sends it meanwhile, and after a crash it is due again when the lease ends.
    /// </summary>
    public async Task<IReadOnlyList<DueAlert>> TakeDueAsync(
        DateTimeOffset now, TimeSpan lease, int count, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return (await connection.QueryAsync<DueAlert>(new CommandDefinition(
            """
            with due as (
                select alert.id, row_number() over (
                    partition by coalesce(budget.project_id::text, budget.api_key_id) order by alert.next_attempt_at, alert.amount) as turn
                from budgets.alerts as alert
                join budgets.budgets as budget on budget.id = alert.budget_id and budget.webhook_url is not null
                where alert.next_attempt_at <= @now
            ),
            taken as (
                select alert.id
                from budgets.alerts as alert
                join due on due.id = alert.id
                where alert.next_attempt_at <= @now
                order by due.turn, alert.next_attempt_at
                limit @count
                for update of alert skip locked
            )
            update budgets.alerts as alert
            set attempts = alert.attempts + 1, next_attempt_at = @now + @lease
            from taken, budgets.budgets as budget
            where alert.id = taken.id and budget.id = alert.budget_id
            returning alert.id, alert.budget_id, budget.alias, alert.month::timestamp as month, alert.status, alert.limit_usd, alert.amount,
                alert.spent, alert.crossed_at, budget.webhook_url, budget.webhook_secret
            """,
            new { now, lease, count },
            cancellationToken: cancellationToken))).AsList();
    }

    public async Task SetDeliveredAsync(Guid id, DateTimeOffset at, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await connection.ExecuteAsync(new CommandDefinition(
            "update budgets.alerts set delivered_at = @at, last_error = null, next_attempt_at = null where id = @id",
            new { id, at },
            cancellationToken: cancellationToken));
    }

    /// <summary>Stores the error of an attempt and schedules the next: the delay doubles each time, up to an hour.</summary>
    /// <returns>False after the last attempt.</returns>
    public async Task<bool> SetFailedAsync(Guid id, string error, DateTimeOffset at, int retrySeconds, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            """
            update budgets.alerts
            set last_error = left(@error, 500),
                next_attempt_at = case
                    when attempts < @maxAttempts
                    then @at + make_interval(secs => least(3600, @retrySeconds * power(2, attempts - 1)))
                end
            where id = @id
            returning next_attempt_at is not null
            """,
            new { id, error, at, retrySeconds, maxAttempts = MaxAttempts },
            cancellationToken: cancellationToken));
    }

    /// <summary>Counts the alerts that have been due since before a time and never attempted.</summary>
    public async Task<long> CountOverdueAsync(DateTimeOffset before, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            """
            select count(*)
            from budgets.alerts as alert
            join budgets.budgets as budget on budget.id = alert.budget_id and budget.webhook_url is not null
            where alert.next_attempt_at < @before and alert.attempts = 0
            """,
            new { before },
            cancellationToken: cancellationToken));
    }

    /// <summary>Counts the alerts of months that had ended at a time.</summary>
    public async Task<long> CountEndedAsync(DateTimeOffset by, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteScalarAsync<long>(new CommandDefinition(
            $"select count(*) from budgets.alerts where {Ended}", new { by }, cancellationToken: cancellationToken));
    }

    /// <summary>Deletes the alerts of months that had ended at a time.</summary>
    public async Task<long> DeleteEndedAsync(DateTimeOffset by, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await connection.ExecuteAsync(new CommandDefinition(
            $"delete from budgets.alerts where {Ended}", new { by }, cancellationToken: cancellationToken));
    }
}
