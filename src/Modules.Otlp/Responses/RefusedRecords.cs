namespace LlmRing.Modules.Otlp.Responses;

/// <summary>The records of a request that were refused one by one, and its warnings.</summary>
internal sealed class RefusedRecords
{
    private const int MaxReasons = 5;

    private readonly List<string> _reasons = [];

    public int Count { get; private set; }

    /// <summary>The first reasons; empty where there are none.</summary>
    public string Message => string.Join("; ", _reasons);

    public void Add(string record, string reason)
    {
        Count++;
        Warn($"{record}: {reason}");
    }

    public void Warn(string message)
    {
        if (_reasons.Count < MaxReasons)
            _reasons.Add(message);
    }
}
