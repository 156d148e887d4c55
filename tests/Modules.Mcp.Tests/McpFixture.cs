using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Mcp.Tests;

/// <summary>
/// A server that may connect to loopback, with a short timeout, over the same database as the session's
/// <see cref="ServerFixture"/>, which may not.
/// </summary>
public sealed class McpFixture : IAsyncInitializer, IAsyncDisposable
{
    /// <summary>How long it waits for an MCP server, in seconds.</summary>
    public const int Timeout = 4;

    private LlmRingServer? _server;

    [ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
    public required ServerFixture Strict { get; init; }

    public LlmRingServer Server => _server!;

    public async Task InitializeAsync() => _server = await ServerFixture.StartAsync(
        Strict.ConnectionString,
        Strict.Upstream,
        ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8,::1"),
        ("MCP_TIMEOUT", $"{Timeout}"));

    public ApiClient NewClient() => new(Server.Address, $"key-{Guid.NewGuid():N}");

    /// <summary>A caller with the same key on the server that may not connect to loopback.</summary>
    public ApiClient Restricted(ApiClient client) => Strict.ClientWithKey(client.Key);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}

/// <summary>Shorthands for what most tests begin with.</summary>
public static class McpSteps
{
    public const string PublicUrl = "https://93.184.215.14/mcp";

    public static async Task<string> CreateServerAsync(this ApiClient client, string url = PublicUrl, string transport = "http", object? authConfig = null)
    {
        var answer = await client.PostAsync("/api/v1/mcp/servers", new { name = "a server", url, transport_type = transport, auth_config = authConfig });
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return (string)answer["id"]!;
    }

    public static async Task<string> CreateToolAsync(this ApiClient client, string serverId, string name = "echo")
    {
        var answer = await client.PostAsync("/api/v1/mcp/tools", new { server_id = serverId, name, description = "says it again", input_schema = new { type = "object" } });
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return (string)answer["id"]!;
    }

    /// <summary>Lets a server be asked for all it offers.</summary>
    public static async Task<JsonNode> RefreshAsync(this ApiClient client, string serverId)
    {
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{serverId}/refresh");
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return answer.Json;
    }

    /// <summary>The id of a tool, resource or prompt by its name.</summary>
    public static string IdOf(this JsonNode refreshed, string kind, string name) =>
        (string)refreshed[kind]!.AsArray().Single(item => (string?)item!["name"] == name)!["id"]!;
}
