using System.Text;
using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline;

/// <summary>Sends values that no client should send to every operation of the OpenAPI document; ids in routes are those of real rows.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HostileInputTests(ServerFixture server)
{
    private static readonly string Deep = new string('[', 2000) + new string(']', 2000);

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

    // Not storable: U+0000 and half of a surrogate pair, as text, inside JSON and as a member name.
    private static readonly string[] Unstorable =
    [
        """ "\u0000" """, """ "a\u0000b" """, """ "\ud800" """, """ {"a": ["\u0000"]} """, """ {"a": ["\udfff"]} """, """ {"\u0000": 1} """, """ {"\ud800": 1} """,
    ];

    private static readonly string[] Odd =
    [
        "1099511627776", "-1", "1e300", "true", "[1, 2]", "{}", $"\"{new string('x', 300_000)}\"", "\"\\uFFFF\"", "\"\"", "null",
    ];

    [Test]
    public async Task A_body_that_is_malformed_or_of_another_form_is_422()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        foreach (var operation in (await Operation.ReadAllAsync(client)).Where(operation => operation.HasBody))
        {
            foreach (var body in NeverAccepted)
            {
                var answer = await SendAsync(client, operation, rows.Fill(operation.Path), body);
                await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, body, answer));
                await Assert.That((string?)answer["detail"]![0]!["loc"]![0]).IsEqualTo("body").Because(Describe(operation, body, answer));
            }
        }
    }

    [Test]
    [Arguments(65)]
    [Arguments(10_000)]
    public async Task A_member_that_is_nested_more_deeply_than_64_levels_is_422(int levels)
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        var arrays = new string('[', levels) + new string(']', levels);
        var objects = string.Concat(Enumerable.Repeat("{\"a\":", levels)) + "1" + new string('}', levels);
        foreach (var operation in (await Operation.ReadAllAsync(client)).Where(operation => operation.HasBody))
        {
            foreach (var member in operation.Members.Select(member => member.Name).Append("unknown"))
            {
                foreach (var value in (string[])[arrays, objects])
                {
                    var answer = await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
                    await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, $"{member}: {value[..20]}", answer));
                }
            }
        }
    }

    [Test]
    public async Task A_member_of_another_type_than_the_document_says_is_422()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        foreach (var (operation, member, schema) in await MembersAsync(client))
        {
            foreach (var value in OtherTypesThan(schema))
            {
                var answer = await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
                await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, $"{member}: {value}", answer));
            }
        }
    }

    [Test]
    public async Task A_number_or_text_beyond_the_limits_that_the_document_states_is_422()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        foreach (var (operation, member, schema) in await MembersAsync(client))
        {
            foreach (var value in BeyondTheLimitsOf(schema))
            {
                var answer = await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
                await Assert.That(answer.Status).IsEqualTo(422)
                    .Because(Describe(operation, $"{member}: {value[..Math.Min(value.Length, 40)]}", answer));
            }
        }
    }

    [Test]
    public async Task A_text_that_postgresql_cannot_store_is_422_wherever_it_stands()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        foreach (var (operation, member, schema) in await MembersAsync(client))
        {
            foreach (var value in UnstorableFor(schema))
            {
                var answer = await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
                await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, $"{member}: {value}", answer));
            }
        }
    }

    [Test]
    public async Task A_refused_body_changes_no_row()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        var before = await rows.ReadAsync();

        foreach (var (operation, member, schema) in await MembersAsync(client))
        {
            foreach (var value in UnstorableFor(schema).Concat(OtherTypesThan(schema)).Concat(BeyondTheLimitsOf(schema)))
                await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
        }

        await Assert.That(await rows.ReadAsync()).IsEqualTo(before);
    }

    // Whether a value is right depends on the member; that the row is found, and no value makes a 500, does not.
    [Test]
    public async Task An_odd_value_of_a_member_is_either_stored_or_422()
    {
        await using var host = await StartAsync();
        foreach (var operation in (await OperationsAsync(host)).Where(operation => operation.HasBody))
        {
            using var client = NewClient(host);
            var rows = await RealRows.CreateAsync(client);
            int[] expected = CallsMcpServer(operation) ? [200, 422, 502] : [200, 422];
            foreach (var (member, _) in operation.Members)
            {
                foreach (var value in Odd)
                {
                    var answer = await SendAsync(client, operation, rows.Fill(operation.Path), With(rows.BodyOf(operation), member, value));
                    await Assert.That(expected).Contains(answer.Status)
                        .Because(Describe(operation, $"{member}: {value[..Math.Min(value.Length, 40)]}", answer));
                }
            }
        }
    }

    [Test]
    public async Task An_id_that_is_no_uuid_is_422()
    {
        var client = server.NewClient();
        foreach (var operation in (await Operation.ReadAllAsync(client)).Where(operation => operation.HasId))
        {
            var answer = await SendAsync(
                client, operation, operation.Path.Replace("{id}", "not-a-uuid", StringComparison.Ordinal), operation.Example?.ToJsonString());
            await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, "", answer));
            await Assert.That((string?)answer["detail"]![0]!["loc"]![0]).IsEqualTo("path").Because(Describe(operation, "", answer));
        }
    }

    [Test]
    public async Task An_empty_query_parameter_counts_as_absent()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        foreach (var (operation, path, name, _) in await QueriesAsync(client))
        {
            var answer = await client.GetAsync($"{path}{name}=");
            await Assert.That(answer.Status).IsEqualTo(200).Because(Describe(operation, name, answer));
        }
    }

    [Test]
    public async Task A_query_parameter_with_a_NUL_character_is_422()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        foreach (var (operation, path, name, _) in await QueriesAsync(client))
        {
            var answer = await client.GetAsync($"{path}{name}=%00");
            await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, name, answer));
        }
    }

    [Test]
    [Arguments("-1")]
    [Arguments("abc")]
    [Arguments("99999999999999999999")]
    [Arguments("1.5")]
    public async Task A_query_parameter_that_must_be_a_count_and_is_none_is_422(string value)
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        foreach (var (operation, path, name, schema) in await QueriesAsync(client))
        {
            if (!TypesOf(schema).Contains("integer"))
                continue;
            var answer = await client.GetAsync($"{path}{name}={value}");
            await Assert.That(answer.Status).IsEqualTo(422).Because(Describe(operation, name, answer));
            await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo(name).Because(Describe(operation, name, answer));
        }
    }

    [Test]
    public async Task Every_route_is_served_with_and_without_a_trailing_slash()
    {
        await using var host = await StartAsync();
        using var client = NewClient(host);
        var rows = await RealRows.CreateAsync(client);
        var operations = (await Operation.ReadAllAsync(client)).Where(operation =>
            operation.Verb is "GET" && !operation.Path.EndsWith(".json", StringComparison.Ordinal) && !CallsMcpServer(operation)
            && !operation.Queries.Any(query => query.IsRequired));
        foreach (var path in operations.Select(operation => rows.Fill(operation.Path)))
        {
            await Assert.That((await client.GetAsync(path)).Status).IsEqualTo(200).Because(path);
            await Assert.That((await client.GetAsync(path.TrimEnd('/') + "/")).Status).IsEqualTo(200).Because(path + "/");
        }
    }

    [Test]
    public async Task Every_protected_operation_is_401_without_a_key()
    {
        await using var host = await StartAsync();
        using var owner = NewClient(host);
        using var anyone = new ApiClient(host.Address, null);
        var rows = await RealRows.CreateAsync(owner);
        foreach (var operation in (await Operation.ReadAllAsync(anyone)).Where(operation => operation.Description["security"] is not null))
        {
            var answer = await SendAsync(anyone, operation, rows.Fill(operation.Path), rows.BodyOf(operation)?.ToJsonString());
            await Assert.That(answer.Status).IsEqualTo(401).Because(Describe(operation, "", answer));
        }
    }

    [Test]
    public async Task Every_operation_on_a_row_of_another_key_is_404_and_changes_nothing()
    {
        await using var host = await StartAsync();
        using var owner = NewClient(host);
        using var other = NewClient(host);
        var rows = await RealRows.CreateAsync(owner);
        var before = await rows.ReadAsync();

        foreach (var operation in (await Operation.ReadAllAsync(owner)).Where(operation => operation.HasId))
        {
            var answer = await SendAsync(other, operation, rows.Fill(operation.Path), rows.BodyOf(operation)?.ToJsonString());
            await Assert.That(answer.Status).IsEqualTo(404).Because(Describe(operation, "", answer));
        }

        await Assert.That(await rows.ReadAsync()).IsEqualTo(before);
    }

    private Task<LlmRingServer> StartAsync() =>
        ServerFixture.StartAsync(server.ConnectionString, server.Upstream, ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8"));

    private static ApiClient NewClient(LlmRingServer host) => new(host.Address, $"key-{Guid.NewGuid():N}");

    private static async Task<IReadOnlyList<Operation>> OperationsAsync(LlmRingServer host)
    {
        using var client = new ApiClient(host.Address, null);
        return await Operation.ReadAllAsync(client);
    }

    private static async Task<IEnumerable<(Operation Operation, string Member, JsonObject Schema)>> MembersAsync(ApiClient client) =>
        (await Operation.ReadAllAsync(client)).SelectMany(operation => operation.Members.Select(member => (operation, member.Name, member.Schema)));

    /// <summary>The optional query parameters of all lists and searches, each with the path that its value completes.</summary>
    private static async Task<IReadOnlyList<(Operation Operation, string Path, string Name, JsonNode Schema)>> QueriesAsync(ApiClient client)
    {
        var rows = await RealRows.CreateAsync(client);
        return
        [
            .. (await Operation.ReadAllAsync(client)).Where(operation => operation.Verb is "GET").SelectMany(operation =>
            {
                var required = string.Concat(operation.Queries.Where(query => query.IsRequired).Select(query => $"{query.Name}=word&"));
                return operation.Queries.Where(query => !query.IsRequired)
                    .Select(query => (operation, $"{rows.Fill(operation.Path)}?{required}", query.Name, query.Schema));
            }),
        ];
    }

    private static bool CallsMcpServer(Operation operation) =>
        operation.Path.Split('/')[^1] is "execute" or "render" or "refresh" or "content" or "read";

    private static Task<ApiResponse> SendAsync(ApiClient client, Operation operation, string path, string? body) =>
        client.SendAsync(new HttpMethod(operation.Verb), path, body);

    /// <summary>The body with one member replaced by JSON text, which may hold escapes that a <see cref="JsonNode"/> cannot.</summary>
    private static string With(JsonNode? body, string member, string value)
    {
        var text = new StringBuilder("{");
        foreach (var (name, old) in body as JsonObject ?? [])
        {
            if (name != member)
                text.Append($"\"{name}\": {old?.ToJsonString() ?? "null"}, ");
        }

        return text.Append($"\"{member}\": {value}}}").ToString();
    }

    // Unknown members of a typed object are ignored together with their text.
    private static IEnumerable<string> UnstorableFor(JsonObject schema) => schema.ContainsKey("properties") ? Unstorable.Take(3) : Unstorable;

    private static string[] TypesOf(JsonNode schema) => schema["type"] switch
    {
        JsonArray types => [.. types.Select(type => (string)type!)],
        { } type => [(string)type!],
        null => [],
    };

    private static IEnumerable<string> OtherTypesThan(JsonObject schema)
    {
        var types = TypesOf(schema);
        if (types.Contains("string"))
            return ["17", "true", "[1, 2]", "{}"];
        if (types.Contains("integer"))
            return ["\"a\"", "\"5\"", "1.5", "true", "[1, 2]", "{}"];
        if (types.Contains("number"))
            return ["\"a\"", "\"0.5\"", "true", "[1, 2]", "{}"];
        if (types.Contains("boolean"))
            return ["\"true\"", "17", "[1, 2]", "{}"];
        if (types.Contains("array"))
            return ["\"a\"", "17", "true", "{}"];
        return [];
    }

    private static IEnumerable<string> BeyondTheLimitsOf(JsonObject schema)
    {
        if ((int?)schema["maxLength"] is { } length)
            yield return $"\"{new string('x', length + 1)}\"";
        if ((int?)schema["minLength"] is 1)
            yield return "\"\"";
        if ((int?)schema["minimum"] is { } minimum)
            yield return $"{minimum - 1}";
        if ((int?)schema["minimum"] is { } bound && (bool?)schema["exclusiveMinimum"] is true)
            yield return $"{bound}";
        if ((int?)schema["maximum"] is { } maximum)
            yield return $"{maximum + 1}";
        if ((string?)schema["format"] is "int32")
            yield return "2147483648";
        if (TypesOf(schema).Contains("number"))
            yield return "1e400";
    }

    private static string Describe(Operation operation, string value, ApiResponse answer) =>
        $"{operation} {value[..Math.Min(value.Length, 80)]}: {answer.Status} {answer.Text[..Math.Min(answer.Text.Length, 300)]}";
}
