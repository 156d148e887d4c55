using System.Text.Json.Serialization;

namespace LlmRing.Modules.Usage.Storage;

/// <summary>The result of logging one usage, as it is answered.</summary>
/// <param name="LogId">Id of the stored usage.</param>
/// <param name="Cost">In USD.</param>
/// <param name="Timestamp">When the call was made, UTC: the client's <c>timestamp</c>, else the time of the request.</param>
/// <param name="CostSource">One of <see cref="CostSources"/>.</param>
/// <param name="PricedAs">The key of the price list by which the cost was computed; null where it was not.</param>
internal sealed record LogResult(
    Guid LogId,
    decimal Cost,
    DateTimeOffset Timestamp,
    string CostSource,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? PricedAs)
{
    /// <summary>An earlier request logged the usage, and this is its result.</summary>
    [JsonIgnore]
    public bool IsReplay { get; init; }

    public static LogResult Of(UsageRecord record) =>
        new(record.Id, record.Cost, record.CreatedAt, record.CostSource, record.Price?.PricedAs);
}
