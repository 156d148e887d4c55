using System.Globalization;
using LlmRing.Shared.Settings;
using StackExchange.Redis;

namespace LlmRing.Host.Caching;

/// <summary>
/// The one connection to Redis. Redis is optional: it may come, go and return at any time; a change of its state is one
/// line in the log and no request waits for it.
/// </summary>
internal sealed partial class RedisConnection : IAsyncDisposable
{
    private readonly ILogger<RedisConnection> _logger;
    private readonly Lazy<Task<IConnectionMultiplexer>> _multiplexer;
    private readonly CancellationTokenSource _disposed = new();
    private Task _watching = Task.CompletedTask;

    public RedisConnection(CacheSettings settings, ILogger<RedisConnection> logger)
    {
        _logger = logger;
        var options = ParseUrl(settings.RedisUrl);
        _multiplexer = new(() => ConnectAsync(options));
    }

    public Task<IConnectionMultiplexer> GetAsync() => _multiplexer.Value;

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        if (_multiplexer.IsValueCreated)
            await (await _multiplexer.Value).DisposeAsync();
        await _watching;
        _disposed.Dispose();
    }

    /// <summary>Reads <c>redis://[user:password@]host[:port][/database]</c>; <c>rediss</c> is the same over TLS.</summary>
    /// <exception cref="OperatorErrorException">The text is no such URL.</exception>
    public static ConfigurationOptions ParseUrl(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            throw new OperatorErrorException("LLMRING_REDIS_URL is (not shown); accepted: redis://[user:password@]host:port/database, or rediss:// for TLS");

        var database = uri.AbsolutePath.Trim('/');
        if (!int.TryParse(database.Length == 0 ? "0" : database, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            throw new OperatorErrorException($"LLMRING_REDIS_URL names the database '{database}'; accepted: a whole number");

        var credentials = uri.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString).ToArray();
        return new ConfigurationOptions
        {
            EndPoints = { { uri.Host, uri.IsDefaultPort || uri.Port < 0 ? 6379 : uri.Port } },
            DefaultDatabase = number,
            Ssl = uri.Scheme is "rediss",
            User = credentials[0] is { Length: > 0 } user ? user : null,
            Password = credentials.Length > 1 ? credentials[1] : null,
            AbortOnConnectFail = false,
            ConnectTimeout = 1000,
            SyncTimeout = 1000,
            AsyncTimeout = 1000,
            ConnectRetry = 1,
            // A request must not queue behind a Redis that is away.
            BacklogPolicy = BacklogPolicy.FailFast,
            ReconnectRetryPolicy = new LinearRetry(500),
        };
    }

    private async Task<IConnectionMultiplexer> ConnectAsync(ConfigurationOptions options)
    {
        var multiplexer = await ConnectionMultiplexer.ConnectAsync(options);
        _watching = WatchAsync(multiplexer, _disposed.Token);
        return multiplexer;
    }

    /// <summary>Looks each second; the library's own events leave out a first connection that comes late, and come twice otherwise.</summary>
    private async Task WatchAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        bool? connected = null;
        do
        {
            if (multiplexer.IsConnected == connected)
                continue;
            connected = multiplexer.IsConnected;
            if (connected.Value)
                LogConnected();
            else
                LogDown();
        }
        while (await TickAsync());

        async ValueTask<bool> TickAsync()
        {
            try
            {
                return await timer.WaitForNextTickAsync(cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "Redis is not reachable: caching in memory only until it is")]
    private partial void LogDown();

    [LoggerMessage(LogLevel.Information, "Redis is connected: second cache level and backplane are on")]
    private partial void LogConnected();
}
