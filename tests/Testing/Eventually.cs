using System.Diagnostics;

namespace LlmRing.Testing;

/// <summary>Waits for the effects of background work.</summary>
public static class Eventually
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    /// <summary>Evaluates a condition every 20 ms until it holds. Failing connections count as "not yet".</summary>
    /// <exception cref="TimeoutException">The condition did not hold within 20 seconds.</exception>
    public static async Task HoldsAsync(Func<Task<bool>> condition)
    {
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

            if (waited.Elapsed > Timeout)
                throw new TimeoutException($"The condition did not hold within {Timeout.TotalSeconds} s.", last);
            await Task.Delay(20);
        }
    }
}
