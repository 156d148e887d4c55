using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Http;

/// <summary>Sends every operation of the document what no client should send.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HostileInputTests(ServerFixture server)
{
    private static readonly string Deep = string.Concat(Enumerable.Repeat("[", 2000)) + string.Concat(Enumerable.Repeat("]", 2000));

    private static readonly string[] NeverAccepted =
    [
        "{",
        "nonsense",
        "\"text\"",
        "17",
        "[[[]]]",
        Deep,
        $$"""{"metadata": {{Deep}}, "input": {{Deep}}, "tool_config": {{Deep}}}""",
    ];

    [Test]
    public async Task No_body_makes_a_500_and_what_is_no_json_of_the_right_form_is_refused()
    {
        var client = server.NewClient();
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            if (operation["requestBody"] is null)
                continue;
            // A rendered prompt's body is any object of arguments; what is no object is refused there, too.
            foreach (var body in NeverAccepted)
            {
                var answer = await client.SendAsync(new HttpMethod(verb), Fill(path, Guid.NewGuid().ToString()), body);
                await Assert.That(answer.Status).IsBetween(400, 499).Because($"{verb} {path} {body[..Math.Min(80, body.Length)]}: {answer.Text}");
                await Assert.That(answer.Json["detail"]).IsNotNull();
            }
        }
    }

    [Test]
    public async Task No_member_of_a_wrong_type_or_with_an_unstorable_text_makes_a_500()
    {
        var client = server.NewClient();
        JsonNode?[] oddities = ["\0", "a\0b", 1099511627776L, -1, 1e300, true, new JsonArray(1, 2), new JsonObject { ["\0"] = 1 }, new string('x', 300_000), "\uFFFF", null];
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            if (operation["requestBody"]?["content"]?["application/json"]?["example"] is not JsonObject example)
                continue;
            foreach (var member in example.Select(pair => pair.Key).ToList())
            {
                foreach (var oddity in oddities)
                {
                    var body = example.DeepClone().AsObject();
                    body[member] = oddity?.DeepClone();
                    var answer = await client.SendAsync(new HttpMethod(verb), Fill(path, Guid.NewGuid().ToString()), body.ToJsonString());
                    await Assert.That(answer.Status).IsLessThan(500).Because($"{verb} {path} {member}: {answer.Text}");
                }
            }
        }
    }

    [Test]
    [Arguments("\\ud800")]
    [Arguments("\\u0000")]
    public async Task An_escape_that_cannot_be_stored_is_refused_wherever_it_stands(string escape)
    {
        var client = server.NewClient();

        var inText = await client.PostAsync("/api/v1/log", $$"""{"provider": "p{{escape}}", "model": "m", "input_tokens": 1, "output_tokens": 1}""");
        var inJson = await client.PostAsync("/api/v1/log", $$$"""{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "metadata": {"a": ["{{{escape}}}"]}}""");
        var inName = await client.PostAsync("/api/v1/log", $$$"""{"provider": "p", "model": "m", "input_tokens": 1, "output_tokens": 1, "metadata": {"{{{escape}}}": 1}}""");

        await Assert.That(inText.Status).IsEqualTo(422);
        await Assert.That(inJson.Status).IsEqualTo(422);
        await Assert.That(inName.Status).IsEqualTo(422);
        await Assert.That((await client.GetAsync("/api/v1/logs")).Json.AsArray().Count).IsEqualTo(0);
    }

    [Test]
    public async Task A_path_that_should_hold_a_uuid_and_does_not_is_422()
    {
        var client = server.NewClient();
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            var parameter = operation["parameters"]?.AsArray().FirstOrDefault(parameter => (string?)parameter!["in"] == "path" && (string?)parameter["schema"]?["format"] == "uuid");
            if (parameter is null)
                continue;
            var answer = await client.SendAsync(
                new HttpMethod(verb), Fill(path, "not-a-uuid"), operation["requestBody"]?["content"]?["application/json"]?["example"]?.ToJsonString());
            await Assert.That(answer.Status).IsEqualTo(422).Because($"{verb} {path}: {answer.Text}");
            await Assert.That((string?)answer.Json["detail"]![0]!["loc"]![0]).IsEqualTo("path").Because($"{verb} {path}: {answer.Text}");
        }
    }

    [Test]
    public async Task Queries_out_of_range_or_of_a_wrong_type_are_422_and_empty_ones_count_as_absent()
    {
        var client = server.NewClient();
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            if (verb is not "GET" || path.Contains('{'))
                continue;
            foreach (var parameter in operation["parameters"]?.AsArray().Where(parameter => (string?)parameter!["in"] == "query") ?? [])
            {
                var name = (string)parameter!["name"]!;
                if ((bool?)parameter["required"] is true)
                    continue;
                var others = string.Concat(operation["parameters"]!.AsArray().Where(other => (bool?)other!["required"] is true).Select(other => $"&{other!["name"]}=word"));
                var empty = await client.GetAsync($"{path}?{name}={others}");
                await Assert.That(empty.Status).IsEqualTo(200).Because($"{path}?{name}=: {empty.Text}");
                var nul = await client.GetAsync($"{path}?{name}=%00{others}");
                await Assert.That(nul.Status).IsEqualTo(422).Because($"{path}?{name}=%00: {nul.Text}");
                if ((string?)parameter["schema"]!["type"] is not "integer")
                    continue;
                foreach (var value in (string[])["-1", "abc", "99999999999999999999", "1.5"])
                {
                    var answer = await client.GetAsync($"{path}?{name}={value}{others}");
                    await Assert.That(answer.Status).IsEqualTo(422).Because($"{path}?{name}={value}: {answer.Text}");
                    await Assert.That((string?)answer.Json["detail"]![0]!["loc"]![1]).IsEqualTo(name).Because($"{path}?{name}={value}: {answer.Text}");
                }
            }
        }
    }

    [Test]
    public async Task Every_route_is_served_with_and_without_a_trailing_slash()
    {
        var client = server.NewClient();
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            if (verb is not "GET" || path.Contains('{') || path.EndsWith(".json", StringComparison.Ordinal) || operation["parameters"]?.AsArray().Any(parameter => (bool?)parameter!["required"] is true) is true)
                continue;
            var plain = await client.GetAsync(path);
            var slash = await client.GetAsync(path.TrimEnd('/') + "/");
            await Assert.That(plain.Status).IsEqualTo(200).Because(path);
            await Assert.That(slash.Status).IsEqualTo(200).Because(path + "/");
        }
    }

    [Test]
    public async Task Every_protected_operation_refuses_a_caller_without_a_key()
    {
        foreach (var (verb, path, operation) in await OperationsAsync())
        {
            if (operation["security"] is null)
                continue;
            var answer = await server.ClientWithKey(null).SendAsync(new HttpMethod(verb), Fill(path, Guid.NewGuid().ToString()), operation["requestBody"] is null ? null : "{}");
            await Assert.That(answer.Status).IsEqualTo(401).Because($"{verb} {path}: {answer.Text}");
        }
    }

    private static string Fill(string path, string value) => System.Text.RegularExpressions.Regex.Replace(path, @"\{[^}]+\}", value);

    private async Task<List<(string Verb, string Path, JsonNode Operation)>> OperationsAsync() =>
        (await server.ClientWithKey(null).GetAsync("/openapi.json")).Json["paths"]!.AsObject()
            .SelectMany(path => path.Value!.AsObject().Select(verb => (verb.Key.ToUpperInvariant(), path.Key, verb.Value!)))
            .ToList();
}
