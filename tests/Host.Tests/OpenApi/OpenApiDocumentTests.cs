using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.OpenApi;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class OpenApiDocumentTests(ServerFixture server)
{
    [Test]
    public async Task Every_operation_has_a_summary_a_tag_a_unique_name_and_its_errors()
    {
        var operations = await OperationsAsync();

        await Assert.That(operations.Count).IsGreaterThan(10);
        foreach (var (name, operation) in operations)
        {
            await Assert.That((string?)operation["summary"]).IsNotNull().Because(name);
            await Assert.That(operation["tags"]!.AsArray().Count).IsEqualTo(1).Because(name);
            var responses = operation["responses"]!.AsObject();
            await Assert.That(responses.ContainsKey("200")).IsTrue().Because(name);
            if (operation["security"] is not null)
                await Assert.That(responses.ContainsKey("401")).IsTrue().Because(name);
            if (name.Contains('{'))
                await Assert.That(responses.ContainsKey("404")).IsTrue().Because(name);
            if (operation["requestBody"] is not null)
                await Assert.That(responses.ContainsKey("422")).IsTrue().Because(name);
        }

        var ids = operations.Values.Select(operation => (string?)operation["operationId"]).ToList();
        await Assert.That(ids.Distinct().Count()).IsEqualTo(ids.Count);
    }

    [Test]
    public async Task Every_parameter_in_a_path_is_declared_and_every_parameter_has_a_type()
    {
        foreach (var (name, operation) in await OperationsAsync())
        {
            var parameters = operation["parameters"]?.AsArray().ToList() ?? [];
            foreach (var segment in name.Split('/').Where(segment => segment.StartsWith('{')))
                await Assert.That(parameters.Any(parameter => $"{{{parameter!["name"]}}}" == segment && (string?)parameter["in"] == "path")).IsTrue().Because(name);
            foreach (var parameter in parameters)
                await Assert.That(parameter!["schema"]!["type"] ?? parameter["schema"]!["enum"] ?? parameter["schema"]!["$ref"]).IsNotNull().Because($"{name}: {parameter["name"]}");
        }
    }

    [Test]
    public async Task Every_body_has_a_schema_and_an_example()
    {
        var document = await DocumentAsync();
        foreach (var (name, operation) in await OperationsAsync())
        {
            if (operation["requestBody"]?["content"]?["application/json"] is not { } content)
                continue;
            await Assert.That(content["example"]).IsNotNull().Because(name);
            var schema = content["schema"]!;
            if ((string?)schema["$ref"] is { } reference)
                schema = document["components"]!["schemas"]![reference.Split('/')[^1]]!;
            await Assert.That(schema["properties"] ?? schema["items"]).IsNotNull().Because(name);
        }
    }

    [Test]
    public async Task A_route_that_answers_head_is_listed_once()
    {
        await Assert.That((await OperationsAsync()).Keys.Where(name => name.StartsWith("head "))).IsEmpty();
    }

    [Test]
    public async Task Ranges_come_from_the_validators()
    {
        var document = await DocumentAsync();

        var limit = document["paths"]!["/api/v1/logs"]!["get"]!["parameters"]!.AsArray().First(parameter => (string?)parameter!["name"] == "limit")!["schema"]!;
        await Assert.That((int)limit["minimum"]!).IsEqualTo(1);
        await Assert.That((int)limit["maximum"]!).IsEqualTo(500);
        await Assert.That((int)limit["default"]!).IsEqualTo(50);
    }

    [Test]
    public async Task A_key_can_be_entered_on_the_page()
    {
        var document = await DocumentAsync();

        await Assert.That((string?)document["openapi"]).StartsWith("3.1");
        await Assert.That((string?)document["components"]!["securitySchemes"]!["X-API-Key"]!["name"]).IsEqualTo("X-API-Key");
    }

    [Test]
    [Arguments("/docs/index.html", "swagger-ui")]
    [Arguments("/redoc/index.html", "redoc")]
    public async Task The_pages_load_nothing_from_elsewhere(string path, string content)
    {
        var page = await server.ClientWithKey(null).GetAsync(path);

        await Assert.That(page.Status).IsEqualTo(200);
        await Assert.That(page.Text).Contains(content);
        await Assert.That(page.Text).DoesNotContain("src=\"http").And.DoesNotContain("href=\"http");
    }

    private async Task<JsonNode> DocumentAsync() => (await server.ClientWithKey(null).GetAsync("/openapi.json")).Json;

    private async Task<Dictionary<string, JsonNode>> OperationsAsync() => (await DocumentAsync())["paths"]!.AsObject()
        .SelectMany(path => path.Value!.AsObject().Select(verb => KeyValuePair.Create($"{verb.Key} {path.Key}", verb.Value!)))
        .ToDictionary();
}
