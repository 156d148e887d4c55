using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Otlp.Traces;

/// <summary>What received spans change in their traces: which calls are billed, and which no longer.</summary>
/// <param name="stored">The stored spans that the received ones touch.</param>
internal sealed class TraceChanges(IEnumerable<TraceSpan> stored)
{
    private readonly Dictionary<SpanKey, TraceSpan> _spans = stored.ToDictionary(span => span.Key);
    private readonly HashSet<TraceSpan> _changed = new(ReferenceEqualityComparer.Instance);
    private readonly List<TraceSpan> _received = [];

    /// <summary>New spans, and stored ones with other values.</summary>
    public IEnumerable<TraceSpan> Changed => _changed;

    /// <summary>The calls to append, after <see cref="Bill"/>.</summary>
    public IEnumerable<NewUsage> Billed => _received.Where(span => span.UsageId is not null).Select(span => span.Usage!);

    /// <summary>Adds received spans; those that are stored already are repeats.</summary>
    public void Add(IEnumerable<TraceSpan> received)
    {
        foreach (var span in received)
        {
            if (!_spans.TryAdd(span.Key, span))
                continue;
            _received.Add(span);
            _changed.Add(span);
        }

        foreach (var span in _spans.Values.Where(span => span.CarriesCall).ToList())
            MarkAbove(span);
    }

    /// <summary>The keys of calls whose twins matter: of those to bill, and of those that are billed no longer.</summary>
    public List<(Guid TraceKey, Guid TwinKey)> TwinKeys() =>
    [
        .. _changed.Where(span => span.TwinKey is not null && (IsBillable(span) || IsToWithdraw(span)))
            .Select(span => (span.TraceKey, span.TwinKey!.Value))
            .Distinct(),
    ];

    /// <summary>Bills the lowest calls, each once.</summary>
    /// <param name="twins">The stored spans with one of the <see cref="TwinKeys"/>.</param>
    /// <returns>The usages to withdraw.</returns>
    public List<Guid> Bill(IEnumerable<TraceSpan> twins)
    {
        foreach (var twin in twins)
            _spans.TryAdd(twin.Key, twin);
        var withdrawn = _changed.Where(IsToWithdraw).ToList();
        var lowest = _spans.Values.Where(IsBillable).ToList();
        foreach (var span in lowest.Where(span => span is { TwinKey: null, Usage: not null }))
            span.UsageId = span.Usage!.Id;
        foreach (var group in lowest.Where(span => span.TwinKey is not null).GroupBy(span => (span.TraceKey, span.TwinKey)))
            BillOne([.. group], withdrawn);

        var usages = withdrawn.ConvertAll(span => span.UsageId!.Value);
        withdrawn.ForEach(span => span.UsageId = null);
        return usages;
    }

    /// <summary>Bills one of the spans that report one call, unless one of them is billed.</summary>
    private void BillOne(List<TraceSpan> twins, List<TraceSpan> withdrawn)
    {
        if (twins.Exists(span => span.UsageId is not null))
            return;
        if (twins.Find(span => span.Usage is not null) is { } received)
        {
            received.UsageId = received.Usage!.Id;
            return;
        }

        // The call of a stored span is not known any more. The withdrawn one has the same counts, so its usage stays.
        if (withdrawn.Find(span => span.TraceKey == twins[0].TraceKey && span.TwinKey == twins[0].TwinKey) is not { } last)
            return;
        twins[0].UsageId = last.UsageId;
        last.UsageId = null;
        withdrawn.Remove(last);
        _changed.Add(twins[0]);
    }

    /// <summary>Marks the spans above a call, up to one that is marked: above that one all are.</summary>
    private void MarkAbove(TraceSpan span)
    {
        var key = span.ParentKey;
        while (key is { } parent && _spans.TryGetValue(parent, out var above) && !above.HasCallBelow)
        {
            above.HasCallBelow = true;
            _changed.Add(above);
            key = above.ParentKey;
        }
    }

    private static bool IsBillable(TraceSpan span) => span is { IsCall: true, HasCallBelow: false };

    private static bool IsToWithdraw(TraceSpan span) => span is { IsCall: true, HasCallBelow: true, UsageId: not null };
}
