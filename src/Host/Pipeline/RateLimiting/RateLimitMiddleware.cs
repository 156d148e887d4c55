using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Host.Pipeline.RateLimiting;

/// <summary>
/// Holds callers to their quota: counted in Redis where there is one, else on each host. Tells the remaining quota in
/// <c>RateLimit-Limit</c>, <c>-Remaining</c>, <c>-Reset</c> and <c>-Policy</c> (draft-ietf-httpapi-ratelimit-headers-06).
/// Requests without a scope (health, metrics, documentation, the registry) are not counted.
/// </summary>
internal sealed class RateLimitMiddleware(RequestDelegate next, Quota quota, RedisRateLimiter redis, LocalRateLimiter local)
{
    private readonly string _limit = quota.Limit.ToString(CultureInfo.InvariantCulture);
    private readonly string _policy = string.Create(CultureInfo.InvariantCulture, $"{quota.Limit};w={(int)quota.Window.TotalSeconds}");

    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<Scope>() is not { } scope)
        {
            await next(context);
            return;
        }

        var caller = HashOf(scope);
        var shared = await redis.TryAcquireAsync(caller);
        // Requests that Redis grants are counted locally as well, so that no host starts with a full quota when Redis goes away.
        var counted = shared is { IsGranted: false } ? default : local.Acquire(caller);
        var decision = shared ?? counted;
        var headers = context.Response.Headers;
        headers["RateLimit-Limit"] = _limit;
        headers["RateLimit-Remaining"] = decision.Remaining.ToString(CultureInfo.InvariantCulture);
        headers["RateLimit-Reset"] = Seconds(decision.Reset);
        headers["RateLimit-Policy"] = _policy;
        if (decision.IsGranted)
        {
            await next(context);
            return;
        }

        headers.RetryAfter = Seconds(decision.RetryAfter);
        await context.WriteDetailAsync(
            StatusCodes.Status429TooManyRequests, "Too many requests: this API key has used up its rate limit", context.RequestAborted);
    }

    private static string Seconds(TimeSpan time) => Math.Max(1, Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);

    /// <summary>Names a caller in Redis and in memory without its key.</summary>
    private static string HashOf(Scope scope) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(scope.ApiKeyId ?? scope.Id)).AsSpan(0, 16));
}
