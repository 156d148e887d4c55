using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Mcp.Tests.Secrets;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AuthConfigTests(ServerFixture server)
{
    // The tables of the reference server 0.1.3 that this module adopts or refers to.
    private const string ReferenceTables = """
        create schema llmring;
        create schema mcp_client;
        create table llmring.conversations (id uuid primary key default gen_random_uuid(), api_key_id varchar(255));
        create table mcp_client.servers (
            id uuid primary key default gen_random_uuid(), name varchar(255) not null, url varchar(1000) not null,
            transport_type varchar(50) not null,
            auth_config jsonb, capabilities jsonb, is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), updated_at timestamptz default now(), project_id uuid,
            constraint servers_transport_type_check
                check (((transport_type)::text = any ((array['stdio'::varchar, 'http'::varchar, 'websocket'::varchar])::text[]))));
        create function mcp_client.update_updated_at() returns trigger language plpgsql
            as $$ begin new.updated_at = now(); return new; end $$;
        create trigger tr_mcp_servers_updated_at before update on mcp_client.servers
            for each row execute function mcp_client.update_updated_at();
        create table mcp_client.tools (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade,
            name varchar(255) not null,
            description text, input_schema jsonb not null, is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), project_id uuid,
            unique (server_id, name));
        create table mcp_client.resources (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade,
            uri varchar(1000) not null,
            name varchar(255), description text, mime_type varchar(255), is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), project_id uuid,
            unique (server_id, uri));
        create table mcp_client.prompts (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade,
            name varchar(255) not null,
            description text, arguments jsonb, is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), project_id uuid,
            unique (server_id, name));
        create table mcp_client.tool_executions (
            id uuid primary key default gen_random_uuid(), tool_id uuid references mcp_client.tools (id) on delete cascade,
            conversation_id uuid references llmring.conversations (id) on delete cascade, input jsonb, output jsonb, error text,
            duration_ms integer, executed_at timestamptz default now());
        create index idx_tool_executions_tool on mcp_client.tool_executions (tool_id);
        """;

    [Test]
    public async Task No_table_holds_a_secret_in_plain_text()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync(authConfig: new { type = "bearer", token = "pl4in-created" });
        var authConfig = new { type = "basic", username = "u", password = "pl4in-updated" };
        await client.PutAsync($"/api/v1/mcp/servers/{id}", new { auth_config = authConfig });

        var read = await client.GetAsync($"/api/v1/mcp/servers/{id}");
        await Assert.That((string?)read["auth_config"]!["password"]).IsEqualTo("pl4in-updated");
        await Assert.That(await DumpAsync(server.ConnectionString)).DoesNotContain("pl4in").And.Contains(id);
    }

    [Test]
    public async Task Another_host_decrypts_the_auth_config_that_this_host_encrypted()
    {
        using var client = server.NewClient();
        var id = await client.CreateServerAsync(authConfig: new { type = "bearer", token = "shared" });
        await using var second = await ServerFixture.StartAsync(server.ConnectionString, server.Upstream);
        using var there = new ApiClient(second.Address, client.Key);

        await Assert.That((string?)(await there.GetAsync($"/api/v1/mcp/servers/{id}"))["auth_config"]!["token"]).IsEqualTo("shared");
    }

    [Test]
    public async Task A_database_of_the_reference_server_is_adopted_and_its_secrets_are_encrypted()
    {
        var connectionString = await server.Postgres.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(connectionString))
        {
            await connection.ExecuteAsync(ReferenceTables);
            await connection.ExecuteAsync("""
                insert into mcp_client.servers (id, name, url, transport_type, auth_config, capabilities, is_active, api_key_id,
                updated_at) values
                    ('00000000-0000-0000-0000-0000000000a1', 'plain', 'https://93.184.215.14/', 'http', '{"type": "bearer",
                        "token": "pl4in"}', '"{\"tools\": {}}"', null, 'key-a', '2025-01-02Z'),
                    ('00000000-0000-0000-0000-0000000000b1', 'other', 'https://93.184.215.14/', 'http',
                        '"{\"token\": \"pl4in-2\"}"', null, true, 'key-b', now());
                insert into mcp_client.tools (id, server_id, name, input_schema, api_key_id) values
                    ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000a1', 'ownerless',
                        '{"type": "object"}', null),
                    ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-0000000000b1', 'foreign', '"{\"a\": 1}"', 'key-a');
                insert into llmring.conversations (id) values ('00000000-0000-0000-0000-0000000000c1');
                insert into mcp_client.tool_executions (tool_id, conversation_id, input, output) values
                    ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000c1', '{}', '"{\"r\": 1}"'),
                    ('00000000-0000-0000-0000-0000000000a3', null, '{}', '"just text"');
                """);
        }

        // Only this module, because the tables of the other modules are not those of the reference server here.
        for (var start = 0; start < 2; start++)
        {
            await using var adopted = await ServerFixture.StartAsync(connectionString, server.Upstream, ("MODULES", "mcp"));
            using var client = new ApiClient(adopted.Address, "key-a");
            var plain = await client.GetAsync("/api/v1/mcp/servers/00000000-0000-0000-0000-0000000000a1");
            await Assert.That((string?)plain["auth_config"]!["token"]).IsEqualTo("pl4in").Because(plain.Text);
            await Assert.That((bool)plain["is_active"]!).IsTrue();
            await Assert.That(plain["capabilities"]!.ToJsonString()).IsEqualTo("""{"tools":{}}""");
            await Assert.That((string?)plain["updated_at"]).StartsWith("2025-01-02");
            var tools = await client.GetAsync("/api/v1/mcp/tools");
            await Assert.That(tools.Json.AsArray().Select(tool => (string)tool!["name"]!)).IsEquivalentTo(["foreign", "ownerless"]);
            await Assert.That(tools.Json[0]!["server"]).IsNull().Because("another key's server");
            await Assert.That((int)tools.Json[0]!["input_schema"]!["a"]!).IsEqualTo(1);
            await Assert.That((string?)tools.Json[1]!["server"]!["name"]).IsEqualTo("plain");
            var ownerless = "/api/v1/mcp/tools/00000000-0000-0000-0000-0000000000a2";
            await Assert.That((int)(await client.GetAsync($"{ownerless}/history")).Json[0]!["output"]!["r"]!).IsEqualTo(1);
            var foreign = "/api/v1/mcp/tools/00000000-0000-0000-0000-0000000000a3";
            await Assert.That((string?)(await client.GetAsync($"{foreign}/history")).Json[0]!["output"]).IsEqualTo("just text");
            await Assert.That((await client.PostAsync($"{foreign}/execute", """{"input": {}}""")).Status).IsEqualTo(404);
            await client.CreateServerAsync(transport: "sse");
            using var other = new ApiClient(adopted.Address, "key-b");
            var others = await other.GetAsync("/api/v1/mcp/servers");
            await Assert.That((string?)others.Json[0]!["auth_config"]!["token"]).IsEqualTo("pl4in-2");
            await Assert.That((await other.GetAsync("/api/v1/mcp/tools")).Text).IsEqualTo("[]");
        }

        await Assert.That(await DumpAsync(connectionString)).DoesNotContain("pl4in").And.Contains("key-a");
        await using var looking = new NpgsqlConnection(connectionString);
        await Assert.That(await looking.ExecuteScalarAsync<int>(
            "checkpoint; select position('pl4in'::bytea in pg_read_binary_file(pg_relation_filepath('mcp_client.servers')))")).IsEqualTo(0);
    }

    private static async Task<string> DumpAsync(string connectionString)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        var tables = await connection.QueryAsync<string>(
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('llmring', 'mcp_client')");
        var rows = new List<string>();
        foreach (var table in tables)
            rows.AddRange(await connection.QueryAsync<string>($"select row::text from {table} as row"));
        return string.Join('\n', rows);
    }
}
