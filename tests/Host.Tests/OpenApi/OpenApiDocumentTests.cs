using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

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
                schema = Schema(document, reference.Split('/')[^1]);
            // The only body of free-form JSON.
            if (name == "post /api/v1/mcp/prompts/{id}/render")
                await Assert.That((schema.ToJsonString(), content["example"]!.ToJsonString())).IsEqualTo(("{}", """{"city":"Bern"}"""));
            else
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

        await Assert.That((string?)document["openapi"]).StartsWith("3.0");
        await Assert.That((string?)document["components"]!["securitySchemes"]!["X-API-Key"]!["name"]).IsEqualTo("X-API-Key");
    }

    [Test]
    public async Task Every_endpoint_is_documented_once_per_verb_under_its_first_route()
    {
        var expected = server.Server.Services.GetRequiredService<EndpointDataSource>().Endpoints
            .Select(endpoint => endpoint.Metadata.GetMetadata<EndpointDefinition>())
            .OfType<EndpointDefinition>()
            .Distinct()
            // The pages of the dashboard are no part of the API.
            .Where(definition => definition.Routes[0] != "/dashboard")
            .SelectMany(definition => definition.Verbs
                .Where(verb => verb != "HEAD")
                .Select(verb => $"{verb.ToLowerInvariant()} {definition.Routes[0]}"))
            .Order();

        await Assert.That((await OperationsAsync()).Keys.Order().SequenceEqual(expected)).IsTrue();
    }

    [Test]
    public async Task The_short_path_of_a_conversation_is_named_as_an_alias()
    {
        var operation = (await OperationsAsync())["get /api/v1/conversations/{id}"];

        await Assert.That((string?)operation["operationId"]).IsEqualTo("getConversation");
        await Assert.That((string?)operation["description"]).EndsWith("Also served as `/conversations/{id}`.");
    }

    [Test]
    public async Task A_protected_operation_takes_the_key_and_tells_its_errors_with_their_bodies()
    {
        var operation = (await OperationsAsync())["get /api/v1/conversations/{id}"];

        await Assert.That(operation["security"]!.ToJsonString()).IsEqualTo("""[{"X-API-Key":[]}]""");
        foreach (var (status, body) in ((string, string)[])[("401", "ErrorBody"), ("404", "ErrorBody"), ("422", "ValidationErrorBody"), ("429", "ErrorBody")])
        {
            var schema = operation["responses"]![status]!["content"]!["application/json"]!["schema"]!;
            await Assert.That((string?)schema["$ref"]).IsEqualTo($"#/components/schemas/{body}").Because(status);
        }
    }

    [Test]
    public async Task An_open_operation_takes_no_key()
    {
        var operation = (await OperationsAsync())["get /registry"];

        await Assert.That(operation["security"]).IsNull();
        await Assert.That(operation["responses"]!.AsObject().ContainsKey("401")).IsFalse();
    }

    [Test]
    public async Task A_header_is_a_parameter_with_its_own_name_and_no_member_of_the_body()
    {
        var document = await DocumentAsync();

        var parameter = document["paths"]!["/api/v1/log"]!["post"]!["parameters"]!.AsArray().Single()!;
        await Assert.That(((string?)parameter["name"], (string?)parameter["in"])).IsEqualTo(("Idempotency-Key", "header"));
        var members = Schema(document, "LogUsageRequest")["properties"]!.AsObject().Select(member => member.Key).ToList();
        await Assert.That(members).Contains("id_at_origin").And.DoesNotContain("Idempotency-Key").And.DoesNotContain("idempotency_key");
    }

    [Test]
    public async Task The_members_of_a_delete_are_parameters()
    {
        var operation = (await OperationsAsync())["delete /api/v1/conversations/old-messages"];

        await Assert.That(operation["requestBody"]).IsNull();
        await Assert.That((string?)operation["parameters"]!.AsArray().Single()!["in"]).IsEqualTo("query");
    }

    [Test]
    public async Task Bounds_of_a_body_come_from_the_validators()
    {
        var request = Schema(await DocumentAsync(), "LogUsageRequest");

        var required = request["required"]!.AsArray().Select(name => (string?)name).Order();
        await Assert.That(required.SequenceEqual(["model", "provider"])).IsTrue();
        var (provider, tokens) = (request["properties"]!["provider"]!, request["properties"]!["input_tokens"]!);
        await Assert.That(((int)provider["minLength"]!, (int)provider["maxLength"]!, (int)tokens["minimum"]!)).IsEqualTo((1, 50, 0));
    }

    [Test]
    public async Task A_rule_for_the_elements_of_a_list_does_not_make_the_list_required()
    {
        await Assert.That(Schema(await DocumentAsync(), "RefreshServerRequest")["required"]).IsNull();
    }

    [Test]
    public async Task Values_are_described_as_they_are_on_the_wire()
    {
        var document = await DocumentAsync();

        await Assert.That((string?)Schema(document, "Conversation")["properties"]!["id"]!["format"]).IsEqualTo("uuid");
        await Assert.That(Schema(document, "TransportType")["enum"]!.ToJsonString()).IsEqualTo("""["http","sse","websocket","stdio"]""");
        // Text or an array, by a converter.
        await Assert.That(Schema(document, "AddMessageRequest")["properties"]!["content"]!["type"]).IsNull();
        await Assert.That(document.ToJsonString()).DoesNotContain("\"additionalProperties\":false");
    }

    [Test]
    public async Task A_schema_without_a_reference_is_not_in_the_document()
    {
        var document = await DocumentAsync();
        var text = document.ToJsonString();

        foreach (var (name, _) in document["components"]!["schemas"]!.AsObject())
            await Assert.That(text).Contains($"\"#/components/schemas/{name}\"").Because(name);
    }

    [Test]
    public async Task The_document_is_the_same_for_every_host_name_and_with_a_trailing_slash()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("ALLOWED_HOSTS", "*"));
        using var client = new ApiClient(own.Address, null);

        var first = await client.GetAsync("/openapi.json", ("Host", "attacker.example"));
        var second = await client.GetAsync("/openapi.json/");

        await Assert.That(first.Text).DoesNotContain("attacker.example");
        await Assert.That(second.Text).IsEqualTo(first.Text);
    }

    [Test]
    [Arguments("post /api/v1/templates", "at most 1 MiB, unpacked.")]
    [Arguments("post /api/v1/log/batch", "at most 30 MB, unpacked.")]
    public async Task The_description_of_an_operation_names_the_limit_of_its_body(string operation, string limit)
    {
        var described = (await OperationsAsync())[operation];

        await Assert.That((string?)described["description"]).Contains(limit);
        await Assert.That(described["responses"]!["413"]).IsNotNull();
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

    private static JsonNode Schema(JsonNode document, string name) => document["components"]!["schemas"]![name]!;

    private async Task<JsonNode> DocumentAsync() => (await server.ClientWithKey(null).GetAsync("/openapi.json")).Json;

    private async Task<Dictionary<string, JsonNode>> OperationsAsync() => (await DocumentAsync())["paths"]!.AsObject()
        .SelectMany(path => path.Value!.AsObject().Select(verb => KeyValuePair.Create($"{verb.Key} {path.Key}", verb.Value!)))
        .ToDictionary();
}
