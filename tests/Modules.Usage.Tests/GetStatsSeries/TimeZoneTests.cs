using System.Globalization;
using System.Text.Json.Nodes;
using CsCheck;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Pricing;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Usage.Tests.GetStatsSeries;

/// <summary>Series, statistics, lists and exports agree in any zone.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class TimeZoneTests(ServerFixture server)
{
    // Offsets of half and quarter hours, clock changes of 30 minutes and at midnight, the ends of the world, and skipped days.
    private static readonly string[] Zones =
    [
        "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Istanbul", "Europe/Chisinau", "Atlantic/Azores",
        "Atlantic/Reykjavik", "America/New_York", "America/St_Johns", "America/Havana", "America/Sao_Paulo", "America/Santiago",
        "America/Asuncion", "America/Caracas", "America/Nuuk", "America/Scoresbysund", "America/Port-au-Prince", "America/Phoenix",
        "Africa/Abidjan", "Africa/Cairo", "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Juba", "Asia/Kathmandu", "Asia/Kolkata",
        "Asia/Colombo", "Asia/Kabul", "Asia/Tehran", "Asia/Yangon", "Asia/Pyongyang", "Asia/Beirut", "Asia/Gaza", "Asia/Amman",
        "Asia/Famagusta", "Australia/Lord_Howe", "Australia/Adelaide", "Australia/Eucla", "Antarctica/Troll", "Pacific/Chatham",
        "Pacific/Marquesas", "Pacific/Kiritimati", "Pacific/Apia", "Pacific/Norfolk", "Pacific/Pago_Pago",
    ];

    // Around both clock changes of most zones, the change of a year, and the day that Samoa skipped.
    private static readonly DateTime[] Middles =
    [
        new(2011, 12, 30, 0, 0, 0, DateTimeKind.Utc), new(2024, 4, 26, 0, 0, 0, DateTimeKind.Utc), new(2024, 10, 27, 0, 0, 0, DateTimeKind.Utc),
        new(2025, 3, 30, 0, 0, 0, DateTimeKind.Utc), new(2025, 4, 5, 12, 0, 0, DateTimeKind.Utc), new(2024, 12, 31, 12, 0, 0, DateTimeKind.Utc),
    ];

    private static readonly Gen<DateTime> Time = Gen.Select(
        Gen.Int[0, Middles.Length - 1], Gen.Int[-5 * 24 * 3600, 5 * 24 * 3600], (middle, seconds) => Middles[middle].AddSeconds(seconds));

    private static readonly Gen<UsageRecord> Record = Gen.Select(
        Time, Gen.Int[1, 1000], Gen.Int[0, 3], Gen.Int[0, 4], Gen.Bool, (time, tokens, model, source, hasAlias) => new UsageRecord
        {
            Id = Guid.NewGuid(),
            Scope = Scope.OfApiKey("any"),
            CreatedAt = time,
            Provider = "p",
            Model = $"m{model}",
            Alias = hasAlias ? $"a{tokens % 3}" : null,
            Profile = "default",
            Tokens = new TokenCounts(tokens, tokens / 2, tokens / 3, 0, 0, 0),
            ServiceTier = tokens % 5 == 0 ? "batch" : null,
            Cost = source == 0 ? 0 : tokens * 0.0000001m,
            CostSource = source == 0 ? CostSources.Unpriced : source == 1 ? CostSources.Registry : CostSources.Client,
            LatencyMs = hasAlias ? tokens : null,
            Metadata = "{}",
        });

    [Test]
    [MethodDataSource(nameof(AllZones))]
    public async Task Series_statistics_lists_and_exports_agree(string zone)
    {
        using var client = server.NewClient();
        var rows = new List<UsageRecord>();
        // One sample per zone, from a seed that the zone fixes: a failure names its zone.
        await Gen.Select(Record.Array[120], Time, Gen.Int[0, 12 * 24],
            Gen.Int[0, 2].Select(unit => unit == 0 ? "day" : unit == 1 ? "week" : "month")).SampleAsync(
            async sample =>
            {
                var (records, from, hours, unit) = sample;
                var added = records.Select(record => record with { Id = Guid.NewGuid(), Scope = Scope.OfApiKey(client.Key!) }).ToList();
                await server.Server.Services.GetRequiredService<UsageStore>().LogAsync(added, RollupWriter.Batch, CancellationToken.None);
                rows.AddRange(added);
                await CompareAsync(client, rows, $"start_date={from:yyyy-MM-dd}&end_date={from.AddHours(hours):yyyy-MM-dd}&timezone={zone}", unit);
                await CompareAsync(
                    client, rows, $"start_date={from:yyyy-MM-ddTHH:mm:ssZ}&end_date={from.AddHours(hours):yyyy-MM-ddTHH:mm:ssZ}&timezone={zone}&cost_source=unpriced&alias=~none&alias=a1", unit);
            },
            iter: 3,
            threads: 1);
    }

    [Test]
    public async Task Statistics_of_two_parts_of_a_range_add_up_to_those_of_the_whole()
    {
        using var client = server.NewClient();
        await Gen.Select(Record.Array[100], Time, Gen.Int[1, 6 * 24 * 3600], Gen.Int[1, 6 * 24 * 3600], Gen.Int[0, Zones.Length - 1]).SampleAsync(
            async sample =>
            {
                var (records, from, first, second, zone) = sample;
                var added = records.Select(record => record with { Id = Guid.NewGuid(), Scope = Scope.OfApiKey(client.Key!) }).ToList();
                await server.Server.Services.GetRequiredService<UsageStore>().LogAsync(added, RollupWriter.Batch, CancellationToken.None);
                var (middle, until) = (from.AddSeconds(first), from.AddSeconds(first + second));

                var whole = await SumsAsync(client, from, until, Zones[zone]);
                // An end is inclusive, so the second part begins a microsecond later.
                var before = await SumsAsync(client, from, middle, Zones[zone]);
                var after = await SumsAsync(client, middle.AddMicroseconds(1), until, Zones[zone]);

                await Assert.That(before.Zip(after, (one, other) => one + other).SequenceEqual(whole)).IsTrue()
                    .Because($"{from:O} {middle:O} {until:O} {Zones[zone]}");
            },
            iter: 20,
            threads: 1);
    }

    private static async Task<decimal[]> SumsAsync(ApiClient client, DateTime from, DateTime until, string zone)
    {
        var stats = (await client.GetAsync(
            $"/api/v1/stats?start_date={from:yyyy-MM-ddTHH:mm:ss.ffffffZ}&end_date={until:yyyy-MM-ddTHH:mm:ss.ffffffZ}&timezone={zone}")).Json;
        var summary = stats["summary"]!;
        return
        [
            (int)summary["total_requests"]!, (int)summary["total_tokens"]!, (int)summary["cached_input_tokens"]!,
            (int)summary["unpriced_requests"]!, (int)summary["unpriced_tokens"]!, (int)stats["latency"]!["requests"]!,
            decimal.Parse((string)summary["total_cost"]!, CultureInfo.InvariantCulture),
        ];
    }

    public static IEnumerable<string> AllZones() => Zones;

    private static async Task CompareAsync(ApiClient client, List<UsageRecord> rows, string query, string unit)
    {
        var series = (await client.GetAsync($"/api/v1/stats/series?{query}&group_by={unit}&split_by=model&top=2")).Json;
        var stats = (await client.GetAsync($"/api/v1/stats?{query}")).Json;
        var periods = (await client.GetAsync($"/api/v1/stats?{query}&group_by={unit}")).Json.AsArray();
        var logs = (await client.GetAsync($"/api/v1/logs?{query}&limit=500")).Json.AsArray();
        var export = (await client.GetAsync($"/api/v1/logs/export?{query}&format=ndjson")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var because = $"{query} {unit}";
        var summary = stats["summary"]!;
        var count = (int)summary["total_requests"]!;
        await Assert.That(logs.Count).IsEqualTo(count).Because(because);
        await Assert.That(export.Length).IsEqualTo(count).Because(because);
        await Assert.That(logs.Select(row => (string)row!["id"]!).SequenceEqual(export.Select(line => (string)JsonNode.Parse(line)!["id"]!))).IsTrue().Because(because);
        await Assert.That(logs.Sum(row => (decimal)row!["cost"]!)).IsEqualTo(decimal.Parse((string)summary["total_cost"]!, CultureInfo.InvariantCulture)).Because(because);
        await Assert.That(logs.Sum(row => (int)row!["cached_input_tokens"]!)).IsEqualTo((int)summary["cached_input_tokens"]!).Because(because);
        await Assert.That(logs.Count(row => (string)row!["cost_source"]! == "unpriced")).IsEqualTo((int)summary["unpriced_requests"]!).Because(because);
        await Assert.That(periods.Sum(period => (int)period!["total_calls"]!)).IsEqualTo(count).Because(because);
        // Independently: the ids that a query of the rows finds are those of the records in the range.
        var ids = logs.Select(row => (string)row!["id"]!).ToHashSet();
        await Assert.That(ids.IsSubsetOf(rows.Select(row => row.Id.ToString()))).IsTrue().Because(because);

        // Each period of the series has what the list has of its time, and what /stats says of its date.
        var starts = series["periods"]!.AsArray().Select(start => DateTimeOffset.Parse((string)start!, CultureInfo.InvariantCulture)).ToList();
        var parts = series["series"]!.AsArray().Append(series["other"]).Where(part => part is not null).ToList();
        var byDate = periods.ToDictionary(period => (string)period!["date"]!);
        for (var i = 0; i < starts.Count; i++)
        {
            var requests = parts.Sum(part => (int)part!["requests"]![i]!);
            var listed = logs.Count(row => DateTimeOffset.Parse((string)row!["logged_at"]!, CultureInfo.InvariantCulture) is var at
                && at >= starts[i] && (i + 1 == starts.Count || at < starts[i + 1]));
            await Assert.That(requests).IsEqualTo(listed).Because($"{because} {starts[i]:O}");
            var stat = byDate.GetValueOrDefault(starts[i].ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
            await Assert.That(requests).IsEqualTo(stat is null ? 0 : (int)stat["total_calls"]!).Because($"{because} {starts[i]:O}");
            await Assert.That(parts.Sum(part => (decimal)part!["cost"]![i]!)).IsEqualTo(stat is null ? 0 : (decimal)stat["total_cost"]!).Because(because);
            await Assert.That(parts.Sum(part => (int)part!["unpriced_requests"]![i]!)).IsEqualTo(stat is null ? 0 : (int)stat["unpriced_requests"]!).Because(because);
        }
    }
}
