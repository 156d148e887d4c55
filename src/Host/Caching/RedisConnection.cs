using System.Globalization;
using LlmRing.Shared.Settings;
using StackExchange.Redis;

namespace LlmRing.Host.Caching;

/// <summary>
/// The connection to Redis, shared by cache, backplane and rate limiter. Redis is optional and may come and go at any time: each
/// change of its state is one line in the log, and no request waits for a connection.
/// </summary>
internal sealed partial class RedisConnection : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly ILogger<RedisConnection> _logger;
    private readonly Lazy<Task<IConnectionMultiplexer>> _multiplexer;
    private readonly CancellationTokenSource _disposed = new();
    private Task _watching = Task.CompletedTask;

    public RedisConnection(CacheSettings settings, TimeProvider time, ILogger<RedisConnection> logger)
    {
        (_time, _logger) = (time, logger);
        var options = ParseUrl(settings.RedisUrl);
        _multiplexer = new(() => ConnectAsync(options));
    }

    /// <summary>The connection, which may be down; the first call opens it.</summary>
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
    /// <exception cref="OperatorErrorException">The URL is malformed.</exception>
    public static ConfigurationOptions ParseUrl(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new OperatorErrorException(
                "LLMRING_REDIS_URL is (not shown); accepted: redis://[user:password@]host:port/database, or rediss:// for TLS");
        }

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
            // Without a connection commands fail at once instead of waiting for one.
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

    /// <summary>
    /// Logs each change of the connection's state. Polls, because the events of StackExchange.Redis are raised twice for one change
    /// and not at all for a first connection that succeeds late.
    /// </summary>
    private async Task WatchAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), _time);
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

    [LoggerMessage(LogLevel.Warning, "Redis is not reachable: caching in memory only until it is", EventName = "RedisDown")]
    private partial void LogDown();

    [LoggerMessage(LogLevel.Information, "Redis is connected: second cache level and backplane are on", EventName = "RedisConnected")]
    private partial void LogConnected();
}
