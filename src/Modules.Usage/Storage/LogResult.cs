using System.Text.Json.Serialization;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>The result of logging one usage, as it is answered.</summary>
/// <param name="LogId">Id of the stored usage.</param>
/// <param name="Cost">In USD.</param>
/// <param name="Timestamp">When the usage was logged, UTC.</param>
/// <param name="CostSource">One of <see cref="CostSources"/>.</param>
internal sealed record LogResult(Guid LogId, decimal Cost, DateTimeOffset Timestamp, string CostSource)
{
    /// <summary>An earlier request logged the usage, and this is its result.</summary>
    [JsonIgnore]
    public bool IsReplay { get; init; }

    public static LogResult Of(UsageRecord record) => new(record.Id, record.Cost, record.CreatedAt, record.CostSource);
}
