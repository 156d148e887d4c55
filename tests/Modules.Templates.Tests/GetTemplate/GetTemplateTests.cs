using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.GetTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class GetTemplateTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_global_template_is_read_by_every_key()
    {
        var id = await server.NewGlobalTemplateAsync("Shared");

        var answer = await _client.GetAsync($"{Route}/{id}/");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That((string?)answer["name"]).IsEqualTo("Shared");
        await Assert.That(answer["api_key_id"]).IsNull();
        await Assert.That(answer["initial_messages"]!.ToJsonString()).IsEqualTo("[]");
    }

    [Test]
    public async Task The_template_of_another_key_is_answered_like_an_absent_one()
    {
        using var owner = server.NewClient();
        var id = await owner.NewTemplateAsync();

        var (foreign, absent) = (await _client.GetAsync($"{Route}/{id}"), await _client.GetAsync($"{Route}/{Guid.NewGuid()}"));

        await Assert.That(foreign.Status).IsEqualTo(404);
        await Assert.That(foreign.Text).IsEqualTo("""{"detail":"Template not found"}""");
        await Assert.That(absent.Text).IsEqualTo(foreign.Text);
    }

    [Test]
    [Arguments("nonsense")]
    [Arguments("123")]
    [Arguments("00000000-0000-0000-0000-00000000000g")]
    public async Task An_id_that_is_not_a_UUID_is_422(string id)
    {
        var answer = await _client.GetAsync($"{Route}/{id}");

        await Assert.That(answer.Status).IsEqualTo(422);
        await Assert.That(answer["detail"]![0]!["loc"]!.ToJsonString()).IsEqualTo("""["path","id"]""");
    }

    public void Dispose() => _client.Dispose();
}
