namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Cancels a call that takes too long: when the timeout has passed since the call began, or since its last progress.</summary>
internal sealed class CallTimeout : IDisposable
{
    private readonly TimeSpan _timeout;
    private readonly TimeSpan _maxTimeout;
    private readonly TimeProvider _time;
    private readonly long _started;
    private readonly CancellationTokenSource _expiry;
    private readonly CancellationTokenSource _ending;
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private bool _isDisposed;

    /// <param name="timeout">How long the call may take without progress.</param>
    /// <param name="maxTimeout">How long the call may take with progress; not shorter than <paramref name="timeout"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the call as well.</param>
    public CallTimeout(TimeSpan timeout, TimeSpan maxTimeout, TimeProvider time, CancellationToken cancellationToken)
    {
        (_timeout, _maxTimeout, _time) = (timeout, maxTimeout, time);
        _started = time.GetTimestamp();
        _expiry = new CancellationTokenSource(timeout, time);
        _ending = CancellationTokenSource.CreateLinkedTokenSource(_expiry.Token, cancellationToken);
    }

    /// <summary>Cancelled when the call must end.</summary>
    public CancellationToken Token => _ending.Token;

    /// <summary>Begins the timeout anew. Progress may arrive when the call has ended; the progress has no effect then.</summary>
    public void Extend()
    {
        lock (_lock)
        {
            var left = _maxTimeout - _time.GetElapsedTime(_started);
            if (!_isDisposed && left > TimeSpan.Zero)
                _expiry.CancelAfter(left < _timeout ? left : _timeout);
        }
    }

    public void Dispose()
    {
        lock (_lock)
            _isDisposed = true;
        _ending.Dispose();
        _expiry.Dispose();
    }
}
