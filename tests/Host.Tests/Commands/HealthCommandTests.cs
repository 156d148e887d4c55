using LlmRing.Testing;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HealthCommandTests(ServerFixture server)
{
    [Test]
    public async Task The_exit_code_is_0_when_the_server_is_healthy()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["health", "--url", server.Server.Address.ToString()]);

        await Assert.That(exitCode).IsEqualTo(0);
        await Assert.That(output).Contains("connected");
    }

    [Test]
    public async Task The_exit_code_is_1_when_no_server_listens()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["health", "--url", "http://127.0.0.1:1"]);

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output).StartsWith("llmring-server: http://127.0.0.1:1");
    }

    [Test]
    public async Task The_exit_code_is_1_when_the_url_is_malformed()
    {
        var (exitCode, output) = await ServerProcess.RunAsync(["health", "--url", "here"]);

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output).Contains("--url takes an address");
    }
}
