using Dapper;
using LlmRing.Testing;
using Npgsql;
using TUnit.Assertions.Enums;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.Migrations;

/// <summary>The reference server and operators write to the table of templates directly.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class VersionTriggerTests(ServerFixture server) : IDisposable
{
    private readonly ApiClient _client = server.NewClient();

    [Test]
    public async Task A_template_that_another_program_inserts_and_changes_has_a_version_for_each_content()
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var id = await connection.ExecuteScalarAsync<Guid>(
            "insert into llmring.conversation_templates (api_key_id, name, created_by) values (@key, 'one', 'ada') returning id",
            new { key = _client.Key });
        await connection.ExecuteAsync("update llmring.conversation_templates set system_prompt = 'p' where id = @id", new { id });
        await connection.ExecuteAsync("update llmring.conversation_templates set usage_count = usage_count + 1 where id = @id", new { id });

        var versions = (await _client.GetAsync($"{Route}/{id}/versions")).Json.AsArray();

        await Assert.That(versions.Select(version => (string?)version!["system_prompt"] ?? "none"))
            .IsEquivalentTo(["p", "none"], CollectionOrdering.Matching);
        await Assert.That((DateTimeOffset)versions[0]!["created_at"]!).IsGreaterThan((DateTimeOffset)versions[1]!["created_at"]!);
    }

    [Test]
    public async Task A_version_number_that_another_program_writes_is_ignored()
    {
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        var id = await connection.ExecuteScalarAsync<Guid>(
            "insert into llmring.conversation_templates (api_key_id, name, created_by, version) values (@key, 'one', 'a', 7) returning id",
            new { key = _client.Key });
        await connection.ExecuteAsync("update llmring.conversation_templates set version = 9, name = 'two' where id = @id", new { id });

        await Assert.That((int)(await _client.GetAsync($"{Route}/{id}"))["version"]!).IsEqualTo(2);
    }

    [Test]
    public async Task A_row_that_another_program_deletes_takes_its_versions_and_labels_along()
    {
        var id = await _client.NewTemplateAsync();
        await _client.PutAsync($"{Route}/{id}/labels/a", new { version = 1 });

        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.ExecuteAsync("delete from llmring.conversation_templates where id = @id::uuid", new { id });

        var left = await connection.ExecuteScalarAsync<long>(
            """
            select (select count(*) from llmring.template_versions where template_id = @id::uuid)
                + (select count(*) from llmring.template_labels where template_id = @id::uuid)
            """,
            new { id });
        await Assert.That(left).IsEqualTo(0);
    }

    public void Dispose() => _client.Dispose();
}
