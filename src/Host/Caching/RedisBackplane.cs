using StackExchange.Redis;
using ZiggyCreatures.Caching.Fusion;
using ZiggyCreatures.Caching.Fusion.Backplane;

namespace LlmRing.Host.Caching;

/// <summary>
/// Tells the other hosts over Redis pub/sub which entries changed. Stands in for
/// <c>ZiggyCreatures.FusionCache.Backplane.StackExchangeRedis</c>.
/// </summary>
internal sealed partial class RedisBackplane(RedisConnection redis, ILogger<RedisBackplane> logger) : IFusionCacheBackplane
{
    private BackplaneSubscriptionOptions? _subscription;
    private RedisChannel _channel;
    private int _watchingConnection;

    public async ValueTask SubscribeAsync(BackplaneSubscriptionOptions options)
    {
        _subscription = options;
        _channel = RedisChannel.Literal(options.ChannelName!);
        var multiplexer = await redis.GetAsync();
        if (Interlocked.Exchange(ref _watchingConnection, 1) == 0)
        {
            multiplexer.ConnectionRestored += (_, arguments) =>
            {
                // FusionCache then replays what was missed (its auto-recovery).
                if (arguments.ConnectionType is ConnectionType.Subscription)
                    _ = ReconnectedAsync();
            };
        }

        // Not awaited by Redis: with Redis away the subscription is kept and made when it comes.
        await multiplexer.GetSubscriber().SubscribeAsync(
            _channel,
            (channel, value) =>
            {
                if (!value.IsNull)
                    _ = ReceivedAsync(value!);
            },
            CommandFlags.FireAndForget);
    }

    public async ValueTask UnsubscribeAsync()
    {
        if (_subscription is null)
            return;
        _subscription = null;
        await (await redis.GetAsync()).GetSubscriber().UnsubscribeAsync(_channel);
    }

    public async ValueTask PublishAsync(BackplaneMessage message, FusionCacheEntryOptions options, CancellationToken token = default)
    {
        var subscriber = (await redis.GetAsync()).GetSubscriber();
        token.ThrowIfCancellationRequested();
        await subscriber.PublishAsync(_channel, BackplaneMessage.ToByteArray(message));
    }

    // The interface has synchronous twins, which only synchronous cache calls use; this server makes none.
    public void Subscribe(BackplaneSubscriptionOptions options) => throw new NotSupportedException();

    public void Unsubscribe() => throw new NotSupportedException();

    public void Publish(BackplaneMessage message, FusionCacheEntryOptions options, CancellationToken token = default) => throw new NotSupportedException();

    private async Task ReceivedAsync(byte[] payload)
    {
        try
        {
            if (_subscription?.IncomingMessageHandlerAsync is { } handle)
                await handle(BackplaneMessage.FromByteArray(payload));
        }
        catch (Exception exception)
        {
            // Nobody awaits this: it runs on the subscription's own time, and one bad message must not end it.
            LogMessageFailed(exception);
        }
    }

    private async Task ReconnectedAsync()
    {
        try
        {
            if (_subscription?.ConnectHandlerAsync is { } handle)
                await handle(new BackplaneConnectionInfo(true));
        }
        catch (Exception exception)
        {
            LogMessageFailed(exception);
        }
    }

    [LoggerMessage(LogLevel.Warning, "A message of the cache backplane could not be handled")]
    private partial void LogMessageFailed(Exception exception);
}
