using LlmRing.Testing;

namespace LlmRing.Host.Tests.ServiceInfo;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ServiceInfoTests(ServerFixture server)
{
    [Test]
    public async Task The_root_names_the_service_and_the_path_of_the_registry()
    {
        var answer = await server.ClientWithKey(null).GetAsync("/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["service"]).IsEqualTo("llmring-server");
        await Assert.That((string?)answer["registry"]).IsEqualTo("/registry");
    }
}
