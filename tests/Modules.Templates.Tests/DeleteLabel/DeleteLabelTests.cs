using LlmRing.Testing;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.DeleteLabel;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DeleteLabelTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_deleted_label_is_404_and_its_version_stays()
    {
        var id = await _client.NewTemplateAsync();
        await _client.PutAsync($"{Route}/{id}/labels/a", new { version = 1 });

        var answer = await _client.DeleteAsync($"{Route}/{id}/labels/a");
        var again = await _client.DeleteAsync($"{Route}/{id}/labels/a");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"message":"Label deleted successfully"}""");
        await Assert.That(again.Status).IsEqualTo(404);
        await Assert.That((string?)again["detail"]).IsEqualTo("Label not found");
        await Assert.That((await _client.GetAsync($"{Route}/{id}?label=a")).Status).IsEqualTo(404);
        await Assert.That((await _client.GetAsync($"{Route}/{id}?version=1")).Status).IsEqualTo(200);
    }

    [Test]
    public async Task The_label_latest_cannot_be_deleted()
    {
        var id = await _client.NewTemplateAsync();

        await Assert.That((await _client.DeleteAsync($"{Route}/{id}/labels/latest")).Status).IsEqualTo(422);
    }

    [Test]
    public async Task Deleting_a_label_of_another_keys_template_is_404_and_deletes_nothing()
    {
        using var owner = server.NewClient();
        var id = await owner.NewTemplateAsync();
        await owner.PutAsync($"{Route}/{id}/labels/a", new { version = 1 });

        var answer = await _client.DeleteAsync($"{Route}/{id}/labels/a");

        await Assert.That(answer.Status).IsEqualTo(404);
        await Assert.That((string?)answer["detail"]).IsEqualTo("Template not found");
        await Assert.That((await owner.GetAsync($"{Route}/{id}?label=a")).Status).IsEqualTo(200);
    }

    public void Dispose() => _client.Dispose();
}
