using System.Globalization;

namespace LlmRing.Modules.Budgets.Storage;

/// <summary>A calendar month in UTC, from <see cref="From"/> until, exclusive, <see cref="Until"/>.</summary>
internal readonly record struct Month(DateOnly FirstDay)
{
    public DateTimeOffset From => new(FirstDay, TimeOnly.MinValue, TimeSpan.Zero);
    public DateTimeOffset Until => new(FirstDay.AddMonths(1), TimeOnly.MinValue, TimeSpan.Zero);

    public static Month Of(DateTimeOffset time) => new(new DateOnly(time.UtcDateTime.Year, time.UtcDateTime.Month, 1));

    public override string ToString() => FirstDay.ToString("yyyy-MM", CultureInfo.InvariantCulture);
}
