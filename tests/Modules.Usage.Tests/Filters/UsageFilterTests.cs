using LlmRing.Modules.Usage.Filters;

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
        var members = typeof(UsageFilter).GetProperties().Where(property => property.PropertyType == typeof(string) && property.CanWrite).ToList();

        foreach (var member in members)
        {
            var filter = new UsageFilter(range);
            member.SetValue(filter, "value");
            keys.Add(filter.ToCacheKey());
        }

        await Assert.That(members.Count).IsEqualTo(typeof(UsageFilter).GetProperties().Count(property => property.CanWrite) - 1).Because("the range is the other one");
        await Assert.That(keys.Count).IsEqualTo(members.Count + 3);
    }
}
