using Dapper;
using LlmRing.Testing;
using Npgsql;
using static LlmRing.Modules.Templates.Tests.TemplateClient;

namespace LlmRing.Modules.Templates.Tests.Migrations;

/// <summary>A table of the reference server is adopted with all its rows.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AdoptionTests(ServerFixture server)
{
    private const string Reference = """
        create schema llmring;
        create table llmring.conversation_templates (
            id uuid primary key default gen_random_uuid(), api_key_id varchar(255), name varchar(255) not null, description text,
            system_prompt text, model varchar(255) not null default 'claude-3-sonnet-20240229',
            temperature numeric(3,2) not null default 0.7, max_tokens integer, tool_config jsonb not null default '{}',
            created_by varchar(255) not null, is_active boolean not null default true, usage_count integer not null default 0,
            created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
            last_used_at timestamptz, project_id uuid,
            constraint conversation_templates_max_tokens_check check (max_tokens > 0),
            constraint conversation_templates_temperature_check check (temperature >= 0 and temperature <= 2));
        create index idx_conversation_templates_api_key_id on llmring.conversation_templates (api_key_id);
        create index idx_conversation_templates_created_by on llmring.conversation_templates (created_by);
        create index idx_conversation_templates_is_active on llmring.conversation_templates (is_active);
        create index idx_conversation_templates_name on llmring.conversation_templates (name);
        create index idx_conversation_templates_project_id on llmring.conversation_templates (project_id);
        create index idx_conversation_templates_usage_count on llmring.conversation_templates (usage_count desc);
        create function llmring.update_conversation_templates_updated_at() returns trigger language plpgsql as $$
        begin
            new.updated_at = now();
            return new;
        end $$;
        create trigger update_conversation_templates_updated_at before update on llmring.conversation_templates
            for each row execute function llmring.update_conversation_templates_updated_at();

        insert into llmring.conversation_templates (
            id, api_key_id, project_id, name, temperature, tool_config, created_by, usage_count, updated_at)
        values ('00000000-0000-4000-8000-000000000001', 'old-key', '00000000-0000-4000-8000-00000000000a', 'Old', 0.25, '{"a": 1}',
                'ada', 41, '2026-01-01T00:00:00Z'),
               ('00000000-0000-4000-8000-000000000002', null, null, 'Global', 0.7, '"{\"b\": 2}"', 'operator', 0, '2026-01-01T00:00:00Z'),
               ('00000000-0000-4000-8000-000000000003', 'other-key', null, 'Foreign', 0.7, '{}', 'bob', 0, '2026-01-01T00:00:00Z');
        """;

    [Test]
    public async Task Templates_of_the_reference_server_are_read_unchanged_and_can_be_used_and_changed()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync(Reference);
        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream, ("MODULES", "templates"));
        using var client = new ApiClient(adopted.Address, "old-key");
        const string Old = $"{Route}/00000000-0000-4000-8000-000000000001";

        var old = await client.GetAsync(Old);
        await Assert.That((decimal)old["temperature"]!).IsEqualTo(0.25m);
        await Assert.That((int)old["tool_config"]!["a"]!).IsEqualTo(1);
        await Assert.That((int)old["usage_count"]!).IsEqualTo(41);
        await Assert.That(old["initial_messages"]!.ToJsonString()).IsEqualTo("[]");
        await Assert.That((DateTimeOffset)old["updated_at"]!).IsEqualTo(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

        var used = await client.PostAsync($"{Old}/use");
        await Assert.That((int)used["usage_count"]!).IsEqualTo(42);
        await Assert.That((string?)used["updated_at"]).IsEqualTo((string?)old["updated_at"]);

        var changed = await client.PutAsync(Old, new { temperature = 0.125 });
        await Assert.That((decimal)changed["temperature"]!).IsEqualTo(0.125m);
        var versions = (await client.GetAsync($"{Old}/versions")).Json.AsArray();
        await Assert.That(versions.Select(version => (decimal)version!["temperature"]!)).IsEquivalentTo([0.125m, 0.25m]);
        await Assert.That((string?)versions[1]!["created_by"]).IsEqualTo("ada");
        await Assert.That((string?)versions[1]!["created_at"]).IsEqualTo((string?)old["updated_at"]);

        var global = await client.GetAsync($"{Route}/00000000-0000-4000-8000-000000000002");
        await Assert.That((int)global["tool_config"]!["b"]!).IsEqualTo(2);
        await Assert.That((await client.GetAsync($"{Route}/{global["id"]}?version=1")).Text).IsEqualTo(global.Text);
        await Assert.That((await client.GetAsync($"{Route}/00000000-0000-4000-8000-000000000003")).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync(Route)).Json.AsArray().Count).IsEqualTo(2);
    }
}
