using Dapper;
using LlmRing.Testing;
using Npgsql;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.DeleteTemplate;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DeleteTemplateTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_deleted_template_is_404_on_every_route_and_its_row_stays()
    {
        var id = await _client.NewTemplateAsync();

        var answer = await _client.DeleteAsync($"{Route}/{id}");

        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(answer.Text).IsEqualTo("""{"message":"Template deleted successfully"}""");
        foreach (var gone in (ApiResponse[])
        [
            await _client.GetAsync($"{Route}/{id}"), await _client.PutAsync($"{Route}/{id}", new { name = "n" }),
            await _client.DeleteAsync($"{Route}/{id}"), await _client.PostAsync($"{Route}/{id}/use"),
            await _client.GetAsync($"{Route}/{id}?version=1"), await _client.GetAsync($"{Route}/{id}/versions"),
            await _client.PostAsync($"{Route}/{id}/render", "{}"), await _client.PutAsync($"{Route}/{id}/labels/a", new { version = 1 }),
            await _client.DeleteAsync($"{Route}/{id}/labels/a"),
        ])
            await Assert.That(gone.Status).IsEqualTo(404);
        await Assert.That((await _client.GetAsync(Route)).Text).DoesNotContain(id);

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var isActive = await connection.ExecuteScalarAsync<bool?>(
            "select is_active from llmring.conversation_templates where id = @id::uuid", new { id });
        await Assert.That(isActive).IsFalse();
    }

    [Test]
    public async Task Deleting_another_keys_template_or_a_global_one_is_404_and_deletes_nothing()
    {
        using var owner = server.NewClient();
        var (foreign, global) = (await owner.NewTemplateAsync(), await server.NewGlobalTemplateAsync("Global"));

        foreach (var id in (string[])[foreign, $"{global}", $"{Guid.NewGuid()}"])
            await Assert.That((await _client.DeleteAsync($"{Route}/{id}")).Status).IsEqualTo(404);

        await Assert.That((await owner.GetAsync($"{Route}/{foreign}")).Status).IsEqualTo(200);
        await Assert.That((await owner.GetAsync($"{Route}/{global}")).Status).IsEqualTo(200);
    }

    public void Dispose() => _client.Dispose();
}
