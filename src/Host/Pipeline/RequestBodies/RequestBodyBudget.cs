namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>The bytes of the larger request bodies under way on this host. A body holds its bytes until it is answered.</summary>
internal sealed class RequestBodyBudget(RequestBodySettings settings)
{
    // The largest body that a built-in route accepts must fit into the share.
    private const long SmallestShare = 30_000_000;

    private readonly long _limit = settings.RequestBodyMemory * 1_000_000L;
    private readonly Lock _counting = new();
    private readonly Dictionary<string, long> _heldByOwner = [];
    private long _held;

    /// <summary>The bytes that the bodies of one owner may have together: half of the budget, and 30 MB at least.</summary>
    public long Share { get; } = Math.Max(settings.RequestBodyMemory * 1_000_000L / 2, SmallestShare);

    /// <summary>The bytes that the bodies of an owner have at present.</summary>
    public long HeldBy(string owner)
    {
        lock (_counting)
            return _heldByOwner.GetValueOrDefault(owner);
    }

    /// <summary>Adds bytes of an owner's body. The caller returns them whatever the result.</summary>
    public RequestBodyBudgetResult Add(string owner, int bytes)
    {
        lock (_counting)
        {
            _held += bytes;
            var heldByOwner = _heldByOwner.GetValueOrDefault(owner) + bytes;
            _heldByOwner[owner] = heldByOwner;
            return heldByOwner > Share ? RequestBodyBudgetResult.ShareIsUsedUp
                : _held > _limit ? RequestBodyBudgetResult.BudgetIsUsedUp
                : RequestBodyBudgetResult.Granted;
        }
    }

    /// <summary>Returns the bytes of a body that is answered.</summary>
    public void Return(string owner, long bytes)
    {
        lock (_counting)
        {
            _held -= bytes;
            var heldByOwner = _heldByOwner.GetValueOrDefault(owner) - bytes;
            if (heldByOwner == 0)
                _heldByOwner.Remove(owner);
            else
                _heldByOwner[owner] = heldByOwner;
        }
    }
}

/// <summary>Whether the budget has room for bytes of a body.</summary>
internal enum RequestBodyBudgetResult
{
    /// <summary>The bytes fit.</summary>
    Granted,

    /// <summary>All bodies of the owner are larger than its share.</summary>
    ShareIsUsedUp,

    /// <summary>All bodies of the host are larger than the budget.</summary>
    BudgetIsUsedUp,
}
