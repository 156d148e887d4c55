using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Host.Caching;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>
/// Holds callers to their quota: counted in Redis where there is one, else on each host. Says what is left in
/// <c>RateLimit-Limit</c>, <c>-Remaining</c>, <c>-Reset</c> and <c>-Policy</c> (draft-ietf-httpapi-ratelimit-headers-06).
/// </summary>
internal sealed class RateLimitMiddleware(Quota quota, RedisConnection redis, TimeProvider time) : IDisposable
{
    private readonly LocalRateLimiter _host = new(quota);
    private readonly RedisRateLimiter _redis = new(quota, redis, time);
    private readonly string _limit = quota.Limit.ToString(CultureInfo.InvariantCulture);
    private readonly string _policy = string.Create(CultureInfo.InvariantCulture, $"{quota.Limit};w={(int)quota.Window.TotalSeconds}");

    /// <summary>A step of the pipeline. Who has no scope (health, metrics, documentation, the registry) is not counted.</summary>
    public async Task LimitAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Features.Get<Scope>() is not { } scope)
        {
            await next(context);
            return;
        }

        var caller = NameOf(scope);
        var shared = await _redis.TryTakeAsync(caller);
        // Counted here as well, so that Redis going away is no new quota on each host.
        var own = shared is { IsGranted: false } ? default : _host.Take(caller);
        var grant = shared ?? own;
        var headers = context.Response.Headers;
        headers["RateLimit-Limit"] = _limit;
        headers["RateLimit-Remaining"] = grant.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Reset"] = Seconds(grant.Reset);
        headers["RateLimit-Policy"] = _policy;
        if (grant.IsGranted)
        {
            await next(context);
            return;
        }

        headers.RetryAfter = Seconds(grant.RetryAfter);
        await context.WriteDetailAsync(StatusCodes.Status429TooManyRequests, "Too many requests: this API key has used up its rate limit", context.RequestAborted);
    }

    public void Dispose() => _host.Dispose();

    private static string Seconds(TimeSpan time) => Math.Max(1, Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    /// <summary>A name by which nobody learns the key.</summary>
    private static string NameOf(Scope scope) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(scope.ApiKeyId ?? scope.Id)).AsSpan(0, 16));
}
