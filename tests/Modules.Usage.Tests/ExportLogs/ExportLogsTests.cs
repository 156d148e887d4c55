using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Usage.Tests.ExportLogs;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ExportLogsTests(ServerFixture server)
{
    [Test]
    public async Task The_csv_begins_with_the_columns_of_the_command_line_client()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage(("alias", "a,\"b\"\nc"), ("input_tokens", 1), ("output_tokens", 2), ("origin", "svc")));

        var answer = await client.GetAsync("/api/v1/logs/export");

        await Assert.That(answer.Headers["Content-Type"]).IsEqualTo("text/csv; charset=utf-8");
        await Assert.That(answer.Text).StartsWith("logged_at,provider,model,alias,profile,origin,input_tokens,output_tokens,cached_input_tokens,cost,");
        await Assert.That(answer.Text).Contains(",openai,gpt-4.1,\"a,\"\"b\"\"\nc\",default,svc,1,2,0,0.25,client,,");
    }

    [Test]
    public async Task Ndjson_has_all_usages_that_the_filters_leave()
    {
        using var client = server.NewClient();
        for (var i = 0; i < 3; i++)
            await client.PostAsync("/api/v1/log/batch", new JsonArray([.. Enumerable.Range(0, 700).Select(_ => UsageFaker.Usage(("alias", i == 0 ? "other" : "this")))]));

        var answer = await client.GetAsync("/api/v1/logs/export?format=ndjson&alias=this");

        var rows = answer.Text.TrimEnd().Split('\n').Select(line => JsonNode.Parse(line)!).ToList();
        await Assert.That(rows.Count).IsEqualTo(1400);
        await Assert.That(rows.Select(row => (string?)row["id"]).Distinct().Count()).IsEqualTo(1400);
        await Assert.That(rows.Count(row => (string?)row["alias"] == "this")).IsEqualTo(1400);
    }

    [Test]
    public async Task Another_key_exports_nothing()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", UsageFaker.Usage());

        await Assert.That((await server.NewClient().GetAsync("/api/v1/logs/export?format=ndjson")).Text).IsEqualTo("");
    }

    [Test]
    public async Task Another_format_is_refused() =>
        await Assert.That((await server.NewClient().GetAsync("/api/v1/logs/export?format=xlsx")).Status).IsEqualTo(422);
}
