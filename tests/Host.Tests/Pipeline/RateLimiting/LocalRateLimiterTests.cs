using LlmRing.Host.Pipeline.RateLimiting;
using Microsoft.Extensions.Time.Testing;

namespace LlmRing.Host.Tests.Pipeline.RateLimiting;

public sealed class LocalRateLimiterTests
{
    private readonly FakeTimeProvider _time = new();

    /// <summary>Before there was a bound, a million invented keys with a quota per day were a million buckets for hours.</summary>
    [Test]
    public async Task A_million_invented_callers_are_remembered_as_at_most_100_000()
    {
        var limiter = new LocalRateLimiter(new Quota(10, TimeSpan.FromDays(1)), _time);

        for (var number = 0; number < 1_000_000; number++)
            limiter.Acquire($"invented-{number}");

        await Assert.That(limiter.Count).IsLessThanOrEqualTo(LocalRateLimiter.MaxCallers);
    }

    [Test]
    public async Task A_caller_that_has_used_up_its_quota_stays_refused_among_invented_callers_while_it_goes_on_asking()
    {
        var limiter = new LocalRateLimiter(new Quota(10, TimeSpan.FromDays(1)), _time);
        for (var request = 0; request < 10; request++)
            limiter.Acquire("caller");

        for (var number = 0; number < 300_000; number++)
        {
            limiter.Acquire($"invented-{number}");
            if (number % 10_000 == 0)
                await Assert.That(limiter.Acquire("caller").IsGranted).IsFalse();
        }
    }

    [Test]
    public async Task Each_request_is_given_back_after_its_share_of_the_window()
    {
        var limiter = new LocalRateLimiter(new Quota(2, TimeSpan.FromMinutes(1)), _time);

        await Assert.That(limiter.Acquire("caller")).IsEqualTo(new(true, 1, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(30)));
        await Assert.That(limiter.Acquire("caller")).IsEqualTo(new(true, 0, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(30)));
        _time.Advance(TimeSpan.FromSeconds(20));
        await Assert.That(limiter.Acquire("caller")).IsEqualTo(new(false, 0, TimeSpan.FromSeconds(40), TimeSpan.FromSeconds(10)));
        _time.Advance(TimeSpan.FromSeconds(10));
        await Assert.That(limiter.Acquire("caller").IsGranted).IsTrue();
    }
}
