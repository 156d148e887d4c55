namespace LlmRing.Host.Pipeline.RequestBodies;

/// <summary>The bytes of the larger request bodies under way on this host. A body holds its bytes until it is answered.</summary>
internal sealed class RequestBodyBudget(RequestBodySettings settings)
{
    private readonly long _limit = settings.RequestBodyMemory * 1_000_000L;
    private long _held;

    /// <summary>Adds bytes of a body. The caller returns them even where the answer is false.</summary>
    /// <returns>False: all bodies together are larger than the limit.</returns>
    public bool TryAdd(int bytes) => Interlocked.Add(ref _held, bytes) <= _limit;

    /// <summary>Returns the bytes of a body that is answered.</summary>
    public void Return(long bytes) => Interlocked.Add(ref _held, -bytes);
}
