using LlmRing.Shared.Events;

namespace LlmRing.Modules.Usage;

/// <summary>Tells other modules what was logged.</summary>
internal static class UsageEvents
{
    /// <summary>Publishes what is committed, without its repeats.</summary>
    public static void PublishLogged(this IEvents events, IReadOnlyList<UsageRow> rows, IReadOnlyList<LoggedUsage> answers)
    {
        if (!events.HasListener<UsageLogged>())
            return;

        for (var i = 0; i < rows.Count; i++)
        {
            if (!answers[i].IsRepeat)
                events.Publish(ToEvent(rows[i]));
        }
    }

    private static UsageLogged ToEvent(UsageRow row) => new()
    {
        Id = row.Id,
        Scope = row.Scope,
        At = row.CreatedAt,
        Provider = row.Provider,
        Model = row.Model,
        Alias = row.Alias,
        Profile = row.Profile,
        Origin = row.Origin,
        InputTokens = row.InputTokens,
        CachedInputTokens = row.CachedInputTokens,
        OutputTokens = row.OutputTokens,
        Cost = row.Cost,
        CostSource = row.CostSource,
    };
}
