using LlmRing.Testing;

namespace LlmRing.Modules.Mcp.Tests.Connections;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ServerAddressRulesTests(ServerFixture server)
{
    [Test]
    [Arguments("http://127.0.0.1:8080/mcp")]
    [Arguments("http://127.1/")]
    [Arguments("http://2130706433/")]
    [Arguments("http://0x7f000001/")]
    [Arguments("http://0x7f.1/")]
    [Arguments("http://0177.0.0.1/")]
    [Arguments("http://127.0.0.1./")]
    [Arguments("http://127.1./")]
    [Arguments("http://[::1]/")]
    [Arguments("http://[::ffff:10.0.0.1]/")]
    [Arguments("http://[::ffff:a00:1]/")]
    [Arguments("http://[0:0:0:0:0:ffff:7f00:1]/")]
    [Arguments("http://[::127.0.0.1]/")]
    [Arguments("http://[64:ff9b::10.0.0.1]/")]
    [Arguments("http://[2002:7f00:1::]/")]
    [Arguments("http://[fe80::1]/")]
    [Arguments("http://[fe80::1%25eth0]/")]
    [Arguments("http://[fd00::1]/")]
    [Arguments("http://[ff02::1]/")]
    [Arguments("http://[::]/")]
    [Arguments("http://0.0.0.0/")]
    [Arguments("http://0/")]
    [Arguments("http://10.1.2.3/")]
    [Arguments("http://172.16.0.1/")]
    [Arguments("http://192.168.1.1/")]
    [Arguments("http://169.254.169.254/latest/meta-data/")]
    [Arguments("http://100.64.0.1/")]
    [Arguments("http://198.18.0.1/")]
    [Arguments("http://224.0.0.1/")]
    [Arguments("http://255.255.255.255/")]
    [Arguments("http://240.0.0.1/")]
    [Arguments("http://localhost/")]
    [Arguments("http://LOCALHOST:99/")]
    [Arguments("http://localhost./")]
    [Arguments("http://mcp.localhost/")]
    [Arguments("http://a.b.localhost./")]
    public async Task An_address_that_is_not_public_is_refused_in_each_notation(string url)
    {
        using var client = server.NewClient();
        foreach (var transport in (string[])["http", "sse", "websocket"])
        {
            var answer = await client.PostAsync("/api/v1/mcp/servers", new { name = "a", url, transport_type = transport });
            await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
            await Assert.That(answer.Text).Contains("LLMRING_MCP_ALLOWED_NETWORKS");
            await Assert.That((string?)answer["detail"]![0]!["loc"]![1]).IsEqualTo("url");
        }

        var id = await client.CreateServerAsync();
        foreach (var method in (HttpMethod[])[HttpMethod.Put, HttpMethod.Patch])
        {
            var answer = await client.SendAsync(method, $"/api/v1/mcp/servers/{id}", new { url });
            await Assert.That(answer.Status).IsEqualTo(422).Because(url);
        }

        await Assert.That((string?)(await client.GetAsync($"/api/v1/mcp/servers/{id}"))["url"]).IsEqualTo(McpSteps.PublicUrl);
    }

    [Test]
    public async Task A_name_that_resolves_to_an_address_that_is_not_public_is_refused()
    {
        // The name of this machine is in its hosts file, or resolves to its address on the local network.
        using var client = server.NewClient();
        var url = $"http://{Environment.MachineName}/mcp";
        var answer = await client.PostAsync("/api/v1/mcp/servers", new { name = "a", url, transport_type = "http" });

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
        await Assert.That(answer.Text).Contains("LLMRING_MCP_ALLOWED_NETWORKS");
    }

    [Test]
    [Arguments("http", "ftp://93.184.215.14/")]
    [Arguments("http", "file:///etc/passwd")]
    [Arguments("http", "ws://93.184.215.14/")]
    [Arguments("http", "stdio://npx")]
    [Arguments("http", "//93.184.215.14/")]
    [Arguments("http", "93.184.215.14")]
    [Arguments("http", "http://")]
    [Arguments("http", "http:///path")]
    [Arguments("http", "http://./")]
    [Arguments("http", "http://１２７.0.0.1/")]
    [Arguments("http", "http://①②⑦.0.0.1/")]
    [Arguments("http", "http://127。0。0。1/")]
    [Arguments("http", "http://[::1")]
    [Arguments("http", "https://user:secret@93.184.215.14/")]
    [Arguments("http", "https://93.184.215.14@127.0.0.1/")]
    [Arguments("stdio", "npx")]
    [Arguments("stdio", "ftp://93.184.215.14/")]
    [Arguments("stdio", "stdio://")]
    [Arguments("stdio", "stdio://  ")]
    public async Task A_URL_that_does_not_fit_its_transport_is_refused(string transport, string url)
    {
        using var client = server.NewClient();
        var answer = await client.PostAsync("/api/v1/mcp/servers", new { name = "a", url, transport_type = transport });

        await Assert.That(answer.Status).IsEqualTo(422).Because(answer.Text);
    }

    [Test]
    [Arguments("http", "https://93.184.215.14:8443/mcp?x=1")]
    [Arguments("sse", "http://[2606:4700::1111]/sse")]
    [Arguments("http", "https://no-such-name.invalid/mcp")]
    [Arguments("websocket", "wss://93.184.215.14/")]
    [Arguments("stdio", "stdio://npx -y @modelcontextprotocol/server-everything")]
    public async Task A_public_URL_an_unresolvable_name_or_a_command_is_accepted(string transport, string url)
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync(url, transport);
        await Assert.That((string?)(await client.GetAsync($"/api/v1/mcp/servers/{id}"))["url"]).IsEqualTo(url);
    }

    [Test]
    [Arguments("https://93.184.215.14/")]
    [Arguments("http://localhost:8080")]
    public async Task A_stdio_server_with_an_http_URL_is_stored_and_refused_when_it_is_executed(string url)
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync(url, "stdio");

        var refreshed = await client.PostAsync($"/api/v1/mcp/servers/{id}/refresh");

        await Assert.That((string?)(await client.GetAsync($"/api/v1/mcp/servers/{id}"))["url"]).IsEqualTo(url);
        await Assert.That(refreshed.Status).IsEqualTo(422).Because(refreshed.Text);
    }
}
