using System.Globalization;
using System.Text.Json.Nodes;
using Dapper;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Modules.Otlp.Tests.Traces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class SpanExpiryTests(ServerFixture server)
{
    [Test]
    public async Task Spans_are_kept_for_seven_days_and_then_deleted_and_their_usages_stay()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var own = await ServerFixture.StartAsync(database, server.Upstream, time);
        using var client = new OtlpClient(own.Address, OtlpClient.NewKey());
        await using var connection = new NpgsqlConnection(database);
        await client.ExportAsync(SpanFaker.Traces("a", "1", SpanFaker.Call()));

        time.Advance(TimeSpan.FromDays(6.9));
        await client.ExportAsync(SpanFaker.Traces("a", "1", With(SpanFaker.Call(), time)));
        await Assert.That(await CountAsync()).IsEqualTo(2);
        time.Advance(TimeSpan.FromDays(0.2));

        await Eventually.HoldsAsync(async () => await CountAsync() == 1);
        await Assert.That(await connection.QuerySingleAsync<int>("select count(*)::int from llmring.usage_logs")).IsEqualTo(2);

        Task<int> CountAsync() => connection.QuerySingleAsync<int>("select count(*)::int from llmring.otlp_spans");
    }

    [Test]
    public async Task A_repeat_of_a_call_whose_span_was_deleted_is_refused()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var own = await ServerFixture.StartAsync(await server.Postgres.CreateDatabaseAsync(), server.Upstream, time);
        using var client = new OtlpClient(own.Address, OtlpClient.NewKey());
        var body = SpanFaker.Traces("a", "1", SpanFaker.Call());
        await client.ExportAsync(body);

        time.Advance(TimeSpan.FromDays(7));

        await Assert.That((await client.ExportAsync(body)).Text).Contains("\"rejectedSpans\":\"1\"");
    }

    private static JsonObject With(JsonObject span, FakeTimeProvider time)
    {
        span["endTimeUnixNano"] = Capture.NanosecondsOf(time.GetUtcNow()).ToString(CultureInfo.InvariantCulture);
        return span;
    }
}
