using LlmRing.Modules.Usage.Pricing;
using LlmRing.Shared.Contracts;

namespace LlmRing.Modules.Usage.Tests.Pricing;

public sealed class UsageCostTests
{
    private static readonly ModelPrice Plain = new() { Input = 2, Output = 8 };

    private static readonly ModelPrice Sonnet = new()
    {
        Input = 3,
        Output = 15,
        CacheRead = 0.3m,
        CacheWrite5Minutes = 3.75m,
        CacheWrite1Hour = 6,
        LongContextThreshold = 200_000,
        InputLongContext = 6,
        OutputLongContext = 22.5m,
    };

    [Test]
    [Arguments(300_000, 10_000, 0, 2.025)]
    [Arguments(250_000, 0, 100_000, 0.96)]
    [Arguments(200_000, 1_000, 0, 0.615)]
    public async Task A_long_request_is_billed_as_a_whole_at_the_long_rates(int input, int output, int cached, decimal cost) =>
        await Assert.That(UsageCost.Compute(Sonnet, input, output, cached, 0, 0, 0)).IsEqualTo(cost);

    [Test]
    public async Task Cached_tokens_are_a_part_of_the_input_at_their_own_rate() =>
        await Assert.That(UsageCost.Compute(Sonnet, 1_000_000 / 10, 0, 50_000, 0, 0, 0)).IsEqualTo(0.15m + 0.015m);

    [Test]
    public async Task Cache_writes_are_billed_by_how_long_they_live() =>
        await Assert.That(UsageCost.Compute(Sonnet, 3_000, 0, 0, 1_000, 2_000, 0)).IsEqualTo(0.00375m + 0.012m);

    [Test]
    public async Task Cache_writes_of_a_long_request_grow_as_its_input_does() =>
        await Assert.That(UsageCost.Compute(Sonnet, 300_000, 0, 0, 100_000, 100_000, 0)).IsEqualTo(0.6m + 0.75m + 1.2m);

    [Test]
    public async Task Reasoning_is_a_part_of_the_output_at_its_own_rate() =>
        await Assert.That(UsageCost.Compute(Plain with { OutputThinking = 10 }, 0, 1_000, 0, 0, 0, 600)).IsEqualTo(0.0032m + 0.006m);

    [Test]
    public async Task A_rate_that_the_registry_has_not_is_the_plain_one_of_its_direction() =>
        await Assert.That(UsageCost.Compute(Plain, 1_000, 1_000, 100, 200, 300, 400)).IsEqualTo(0.002m + 0.008m);

    [Test]
    public async Task A_long_request_without_long_rates_is_billed_at_the_plain_ones() =>
        await Assert.That(UsageCost.Compute(Plain with { LongContextThreshold = 10 }, 1_000, 1_000, 0, 0, 0, 0)).IsEqualTo(0.01m);

    [Test]
    public async Task Parts_larger_than_the_whole_never_make_a_cost_negative() =>
        await Assert.That(UsageCost.Compute(Plain, 10, 0, 1_000, 0, 0, 1_000)).IsEqualTo(0.002m + 0.008m);

    [Test]
    public async Task The_smallest_and_the_largest_costs_are_exact()
    {
        await Assert.That(UsageCost.Compute(Plain with { Input = 0.075m }, 1, 0, 0, 0, 0, 0)).IsEqualTo(0.000000075m);
        await Assert.That(UsageCost.Compute(Plain, int.MaxValue, int.MaxValue, 0, 0, 0, 0)).IsEqualTo(21474.83647m);
    }
}
