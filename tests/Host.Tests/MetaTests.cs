using LlmRing.Testing;

namespace LlmRing.Host.Tests;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MetaTests(ServerFixture server)
{
    [Test]
    public async Task The_root_says_what_answers_here()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["service"]).IsEqualTo("llmring-server");
        await Assert.That((string?)answer["registry"]).IsEqualTo("/registry");
    }

    [Test]
    public async Task Health_says_that_the_database_is_connected()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/health/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"status":"healthy","database":"connected"}""");
    }

    [Test]
    public async Task An_unknown_route_is_404_with_a_detail()
    {
        var answer = await server.NewClient().GetAsync("/api/v1/nothing");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Not Found");
    }
}
