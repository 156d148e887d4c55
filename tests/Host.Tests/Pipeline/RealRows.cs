using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.Pipeline;

/// <summary>One row of each kind, owned by one key, so that hostile values reach rows that exist. Nothing listens at the MCP server's URL.</summary>
internal sealed partial class RealRows
{
    private readonly ApiClient _client;
    private readonly Dictionary<string, string> _ids = [];

    private RealRows(ApiClient client) => _client = client;

    public static async Task<RealRows> CreateAsync(ApiClient client)
    {
        var rows = new RealRows(client);
        var conversation = await rows.CreateAsync("/conversations", new { title = "t" });
        await rows.CreateAsync($"/conversations/{conversation["id"]}/messages", new { role = "user", content = "c" });
        rows._ids["conversations"] = (string)conversation["id"]!;
        var usage = await rows.CreateAsync(
            "/api/v1/log", new { provider = "openai", model = "m", input_tokens = 1, output_tokens = 1, cost = 0.5 });
        rows._ids["logs"] = (string)usage["log_id"]!;
        rows._ids["templates"] = (string)(await rows.CreateAsync("/api/v1/templates", new { name = "t" }))["id"]!;

        var server = await rows.CreateAsync(
            "/api/v1/mcp/servers", new { name = "s", url = "http://127.0.0.1:1/mcp", transport_type = "http" });
        rows._ids["servers"] = (string)server["id"]!;
        var features = await rows.CreateAsync($"/api/v1/mcp/servers/{server["id"]}/refresh", new
        {
            tools = new[] { new { name = "t" } },
            resources = new[] { new { uri = "file:///a", name = "r" } },
            prompts = new[] { new { name = "p" } },
        });
        foreach (var kind in (string[])["tools", "resources", "prompts"])
            rows._ids[kind] = (string)features[kind]![0]!["id"]!;
        return rows;
    }

    /// <summary>Replaces the parameters of a route template by ids of these rows.</summary>
    public string Fill(string path) => Parameter().Replace(path, match => match.Groups[2].Value switch
    {
        "id" => _ids[match.Groups[1].Value],
        "provider" => "openai",
        _ => "6",
    } is var value ? $"{match.Groups[1].Value}/{value}" : "");

    /// <summary>The example of an operation's body as the document shows it, but with ids of these rows.</summary>
    public JsonNode? BodyOf(Operation operation)
    {
        var example = operation.Example?.DeepClone();
        if (example is JsonObject body && body.ContainsKey("server_id"))
        {
            body["server_id"] = _ids["servers"];
            // The names of a server's tools are unique.
            body["name"] = $"tool-{Guid.NewGuid():N}";
        }

        return example;
    }

    /// <summary>All rows as their owner reads them.</summary>
    public async Task<string> ReadAsync()
    {
        var texts = new List<string>();
        foreach (var path in (string[])[
            "/api/v1/logs", "/conversations", $"/conversations/{_ids["conversations"]}", "/api/v1/templates", "/api/v1/mcp/servers",
            "/api/v1/mcp/tools", "/api/v1/mcp/resources", "/api/v1/mcp/prompts", $"/api/v1/mcp/tools/{_ids["tools"]}/history"])
        {
            var answer = await _client.GetAsync(path);
            await Assert.That(answer.Status).IsEqualTo(200).Because($"{path}: {answer.Text}");
            texts.Add(answer.Text);
        }

        return string.Join('\n', texts);
    }

    private async Task<ApiResponse> CreateAsync(string path, object body)
    {
        var answer = await _client.PostAsync(path, body);
        await Assert.That(answer.Status).IsEqualTo(200).Because($"{path}: {answer.Text}");
        return answer;
    }

    [GeneratedRegex(@"(\w+)/\{(\w+)\}")]
    private static partial Regex Parameter();
}

/// <summary>An operation of the OpenAPI document.</summary>
internal sealed record Operation(string Verb, string Path, JsonNode Description, JsonNode Document)
{
    public bool HasBody => Description["requestBody"] is not null;

    public bool HasId => Path.Contains("{id}", StringComparison.Ordinal);

    public JsonNode? Example => Description["requestBody"]?["content"]?["application/json"]?["example"];

    /// <summary>Members of the body with their schemas.</summary>
    public IEnumerable<(string Name, JsonObject Schema)> Members =>
        (Resolve(Description["requestBody"]?["content"]?["application/json"]?["schema"])["properties"] as JsonObject ?? [])
            .Select(member => (member.Key, Resolve(member.Value)));

    /// <summary>Query parameters with their schemas.</summary>
    public IEnumerable<(string Name, JsonNode Schema, bool IsRequired)> Queries =>
        (Description["parameters"]?.AsArray() ?? [])
            .Where(parameter => (string?)parameter!["in"] == "query")
            .Select(parameter => ((string)parameter!["name"]!, parameter["schema"]!, (bool?)parameter["required"] is true));

    public static async Task<IReadOnlyList<Operation>> ReadAllAsync(ApiClient client)
    {
        var document = (await client.GetAsync("/openapi.json")).Json;
        return
        [
            .. document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()
                .Select(verb => new Operation(verb.Key.ToUpperInvariant(), path.Key, verb.Value!, document))),
        ];
    }

    public override string ToString() => $"{Verb} {Path}";

    // A nullable reference is written as "oneOf": null or the reference.
    private JsonObject Resolve(JsonNode? schema) => schema switch
    {
        JsonObject reference when (string?)reference["$ref"] is { } name =>
            Resolve(Document["components"]!["schemas"]![name.Split('/')[^1]]),
        JsonObject choice when choice["oneOf"] is JsonArray choices => Resolve(choices.First(one => (string?)one!["type"] != "null")),
        JsonObject plain => plain,
        _ => [],
    };
}
