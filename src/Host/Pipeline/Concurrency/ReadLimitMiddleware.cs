using System.Threading.RateLimiting;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;

namespace LlmRing.Host.Pipeline.Concurrency;

/// <summary>
/// Bounds the reads of a scope that run at once, so that the slow queries of one caller never take all connections of the pool of reads.
/// Further reads wait for their turn. <see cref="StreamLimitMiddleware"/> bounds streamed responses.
/// </summary>
internal sealed class ReadLimitMiddleware(RequestDelegate next) : IDisposable
{
    /// <summary>Reads of a scope that run at once on a host: half of the default pool of reads.</summary>
    public const int MaxRunning = 10;

    /// <summary>Reads of a scope that wait.</summary>
    public const int MaxWaiting = 256;

    // By Scope.Id. Limiters of scopes that have been idle for a while are disposed by PartitionedRateLimiter.
    private readonly PartitionedRateLimiter<string> _limiter = PartitionedRateLimiter.Create<string, string>(scopeId =>
        RateLimitPartition.GetConcurrencyLimiter(scopeId, _ => new ConcurrencyLimiterOptions
        {
            PermitLimit = MaxRunning,
            QueueLimit = MaxWaiting,
        }));

    public async Task InvokeAsync(HttpContext context)
    {
        if (
            context.Features.Get<Scope>() is not { } scope || !HttpMethods.IsGet(context.Request.Method)
                || context.GetEndpoint()?.Metadata.GetMetadata<StreamedResponseAttribute>() is not null)
        {
            await next(context);
            return;
        }

        using var lease = await _limiter.AcquireAsync(scope.Id, cancellationToken: context.RequestAborted);
        if (lease.IsAcquired)
        {
            await next(context);
            return;
        }

        context.Response.Headers.RetryAfter = "1";
        await context.WriteDetailAsync(
            StatusCodes.Status429TooManyRequests,
            "Too many requests: this API key or project has too many reads under way",
            context.RequestAborted);
    }

    public void Dispose() => _limiter.Dispose();
}
