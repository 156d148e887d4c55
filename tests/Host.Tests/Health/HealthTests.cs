using LlmRing.Testing;

namespace LlmRing.Host.Tests.Health;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class HealthTests(ServerFixture server)
{
    [Test]
    [Arguments("/health")]
    [Arguments("/health/")]
    public async Task Health_answers_200_while_the_database_answers(string path)
    {
        var answer = await server.ClientWithKey(null).GetAsync(path);

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"status":"healthy","database":"connected"}""");
    }

    [Test]
    public async Task Health_answers_503_while_the_database_is_down_and_200_after_its_restart()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, null);

        await postgres.StopAsync();
        var down = await client.GetAsync("/health");
        await postgres.RestartAsync();

        await Assert.That(down.Status).IsEqualTo(503);
        await Assert.That(down.Text).IsEqualTo("""{"status":"unhealthy","database":"disconnected"}""");
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health")).Status == 200);
    }

    [Test]
    public async Task Liveness_answers_200_while_the_database_answers()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/health/live");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"status":"alive"}""");
    }

    [Test]
    public async Task Liveness_answers_200_while_the_database_is_down()
    {
        await using var postgres = new PostgresFixture();
        await postgres.InitializeAsync();
        await using var own = await ServerFixture.StartAsync(await postgres.CreateDatabaseAsync(), server.Upstream);
        using var client = new ApiClient(own.Address, null);

        await postgres.StopAsync();
        var answer = await client.GetAsync("/health/live");
        await postgres.RestartAsync();

        await Assert.That(answer.Status).IsEqualTo(200);
    }
}
