using System.Diagnostics;

namespace LlmRing.Testing;

/// <summary>Waits for what happens in its own time.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Asks again and again until the answer is yes.</summary>
    /// <exception cref="TimeoutException">It was not within 20 seconds.</exception>
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

            if (waited.Elapsed > Patience)
                throw new TimeoutException($"It did not come true within {Patience.TotalSeconds} s.", last);
            await Task.Delay(20);
        }
    }
}
