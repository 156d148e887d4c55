using System.Diagnostics;

namespace LlmRing.Testing;

/// <summary>Waits for the effects of background work.</summary>
public static class Eventually
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Evaluates a condition every 20 ms until it holds. Failing connections count as "not yet".</summary>
    /// <param name="condition">The condition.</param>
    /// <param name="timeout">How long to wait; null: 20 seconds.</param>
    /// <exception cref="TimeoutException">The condition did not hold in time.</exception>
    public static async Task HoldsAsync(Func<Task<bool>> condition, TimeSpan? timeout = null)
    {
        var longest = timeout ?? DefaultTimeout;
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var last = default(Exception);
            try
            {
                if (await condition())
                    return;
            }
            catch (Exception exception) when (exception is HttpRequestException or System.Net.Sockets.SocketException)
            {
                last = exception;
            }

            if (waited.Elapsed > longest)
                throw new TimeoutException($"The condition did not hold within {longest.TotalSeconds} s.", last);
            await Task.Delay(20);
        }
    }
}
