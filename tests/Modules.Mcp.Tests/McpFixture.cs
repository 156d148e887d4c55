using System.Text.Json.Nodes;
using LlmRing.Host.Startup;
using LlmRing.Testing;
using Microsoft.Extensions.Time.Testing;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Mcp.Tests;

/// <summary>
/// A server that may connect to loopback, with a short timeout. The session's <see cref="ServerFixture"/>, over the same database, may
/// not connect to loopback.
/// </summary>
public sealed class McpFixture : IAsyncInitializer, IAsyncDisposable
{
    private const int TimeoutSeconds = 4;
    private const int LongTimeoutSeconds = 600;

    /// <summary>How long a server with a clock of the test waits for an MCP server.</summary>
    public static TimeSpan LongTimeout { get; } = TimeSpan.FromSeconds(LongTimeoutSeconds);

    private LlmRingServer? _server;

    [ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
    public required ServerFixture Strict { get; init; }

    public LlmRingServer Server => _server!;

    public async Task InitializeAsync() => _server = await StartAsync(TimeProvider.System, TimeoutSeconds);

    /// <summary>Starts a further server over the same database. Its timeouts pass only when the test advances the clock.</summary>
    public Task<LlmRingServer> StartAsync(FakeTimeProvider clock) => StartAsync(clock, LongTimeoutSeconds);

    public static string NewKey() => $"key-{Guid.NewGuid():N}";

    public ApiClient NewClient() => new(Server.Address, NewKey());

    /// <summary>A caller with the same key on the server that may not connect to loopback.</summary>
    public ApiClient Restricted(ApiClient client) => Strict.ClientWithKey(client.Key);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    private Task<LlmRingServer> StartAsync(TimeProvider clock, int timeoutSeconds) => ServerFixture.StartAsync(
        Strict.ConnectionString,
        Strict.Upstream,
        clock,
        ("MCP_ALLOWED_NETWORKS", "127.0.0.0/8,::1"),
        ("MCP_TIMEOUT", $"{timeoutSeconds}"));
}

/// <summary>Requests that most tests begin with.</summary>
public static class McpSteps
{
    public const string PublicUrl = "https://93.184.215.14/mcp";

    public static async Task<string> CreateServerAsync(
        this ApiClient client, string url = PublicUrl, string transport = "http", object? authConfig = null)
    {
        var answer = await client.PostAsync(
            "/api/v1/mcp/servers", new { name = "a server", url, transport_type = transport, auth_config = authConfig });
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return (string)answer["id"]!;
    }

    public static async Task<string> CreateToolAsync(this ApiClient client, string serverId, string name = "echo")
    {
        var answer = await client.PostAsync(
            "/api/v1/mcp/tools",
            new { server_id = serverId, name, description = "repeats its input", input_schema = new { type = "object" } });
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return (string)answer["id"]!;
    }

    /// <summary>Refreshes the features of a server from the MCP server itself.</summary>
    public static async Task<JsonNode> RefreshAsync(this ApiClient client, string serverId)
    {
        var answer = await client.PostAsync($"/api/v1/mcp/servers/{serverId}/refresh");
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
        return answer.Json;
    }

    /// <summary>Stores a server and discovers its features.</summary>
    /// <returns>The id of a tool by its name.</returns>
    public static async Task<Func<string, string>> DiscoverToolsAsync(this ApiClient client, string url)
    {
        var refreshed = await client.RefreshAsync(await client.CreateServerAsync(url));
        return name => refreshed.IdOf("tools", name);
    }

    /// <summary>The id of a tool, resource or prompt by its name.</summary>
    public static string IdOf(this JsonNode refreshed, string kind, string name) =>
        (string)refreshed[kind]!.AsArray().Single(item => (string?)item!["name"] == name)!["id"]!;
}
