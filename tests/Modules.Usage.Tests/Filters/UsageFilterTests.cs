using LlmRing.Modules.Usage.Filters;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Usage.Tests.Filters;

public sealed class UsageFilterTests
{
    [Test]
    public async Task Every_member_of_a_filter_is_part_of_its_cache_key()
    {
        var range = new DateRange(DateRange.Never, DateRange.Forever);
        var keys = new HashSet<string>
        {
            new UsageFilter(range).ToCacheKey(),
            new UsageFilter(range with { From = DateRange.Forever }).ToCacheKey(),
            new UsageFilter(range with { Until = DateRange.Never }).ToCacheKey(),
        };
        var members = typeof(UsageFilter).GetProperties()
            .Where(property => property.CanWrite && property.PropertyType != typeof(DateRange)).ToList();

        foreach (var member in members)
        {
            var filter = new UsageFilter(range);
            member.SetValue(filter, member.PropertyType == typeof(FilterValues) ? FilterValues.Of(["value"])
                : member.PropertyType == typeof(IReadOnlyList<ModelName>) ? (object)new[] { new ModelName("p", "m") } : "value");
            keys.Add(filter.ToCacheKey());
        }

        await Assert.That(members.Count).IsEqualTo(typeof(UsageFilter).GetProperties().Count(property => property.CanWrite) - 1).Because("the range is the other one");
        await Assert.That(members.Count).IsGreaterThanOrEqualTo(9);
        await Assert.That(keys.Count).IsEqualTo(members.Count + 3);
    }
}
