using System.Text.Json;
using Bogus;
using Dapper;
using Npgsql;

namespace LlmRing.Testing;

/// <summary>
/// A database as the Python reference server 0.1.3 leaves it: schema <c>llmring</c> and <c>mcp_client</c> with tables, indexes,
/// functions and triggers, empty or with generated rows.
/// </summary>
public static class ReferenceDatabase
{
    private static readonly string[] AllKeys = ["sk-alpha", "sk-beta", "sk-gamma"];

    /// <summary>API keys that own the generated rows; the rows of the first key also belong to <see cref="Project"/>.</summary>
    public static IReadOnlyList<string> Keys => AllKeys;

    /// <summary>The project of the generated rows that belong to one.</summary>
    public static Guid Project { get; } = new("7d0b6c1e-0000-4000-8000-000000000001");

    /// <summary>Creates the tables, without rows, in an empty database.</summary>
    public static Task CreateTablesAsync(NpgsqlConnection connection) => connection.ExecuteAsync(Tables);

    /// <summary>Creates the tables in an empty database and fills them with the same generated rows in every run.</summary>
    /// <param name="connection">A connection to the empty database.</param>
    /// <param name="usages">Number of rows in <c>usage_logs</c>.</param>
    public static async Task CreateAsync(NpgsqlConnection connection, int usages = 3_000)
    {
        await CreateTablesAsync(connection);
        var faker = new Faker { Random = new Randomizer(20261124) };
        var now = DateTime.UtcNow;
        DateTime Past(int days) => now.AddSeconds(-faker.Random.Int(1, days * 86_400));
        string? Key(int number) => number % 10 == 9 ? null : AllKeys[number % AllKeys.Length];
        Guid? ProjectOf(int number) => Key(number) is null || Key(number) == AllKeys[0] ? Project : null;

        var conversations = Enumerable.Range(0, 60).Select(number => new
        {
            id = faker.Random.Guid(),
            api_key_id = Key(number),
            project_id = ProjectOf(number),
            title = faker.Lorem.Sentence(),
            system_prompt = number % 3 == 0 ? faker.Lorem.Paragraph() : null,
            model_alias = number % 7 == 0 ? null : "fast",
            temperature = number % 8 == 0 ? (double?)null : 0.5,
            message_count = 0,
            total_input_tokens = 0,
            total_output_tokens = 0,
            total_cost = 0m,
            created_at = Past(80),
            updated_at = Past(2),
        }).ToList();
        await InsertAsync(connection, "llmring.conversations", conversations);
        await InsertAsync(connection, "llmring.messages", Enumerable.Range(0, 600).Select(number => new
        {
            id = faker.Random.Guid(),
            conversation_id = conversations[number % conversations.Count].id,
            role = number / conversations.Count % 2 == 0 ? "user" : "assistant",
            content = number % 50 == 0 ? null : faker.Lorem.Sentence(),
            content_hash = faker.Random.Hash(64),
            input_tokens = faker.Random.Int(1, 500),
            output_tokens = number % 2 == 0 ? (int?)null : faker.Random.Int(1, 500),
            metadata = number % 11 == 0 ? null : (object)new { cost = faker.Random.Int(1, 1000) / 100_000m, model = "gpt-4.1" },
            // Messages of one batch have the same timestamp.
            timestamp = now.AddHours(-200 + number / conversations.Count / 3),
        }));
        await InsertAsync(connection, "llmring.usage_logs", Enumerable.Range(0, usages).Select(number => new
        {
            id = faker.Random.Guid(),
            api_key_id = Key(number),
            project_id = ProjectOf(number),
            model = faker.PickRandom("gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-flash"),
            provider = faker.PickRandom("openai", "anthropic", "google"),
            alias = number % 4 == 0 ? null : faker.PickRandom("fast", "deep"),
            profile = number % 5 == 0 ? null : "default",
            input_tokens = faker.Random.Int(0, 100_000),
            output_tokens = faker.Random.Int(0, 20_000),
            cached_input_tokens = number % 6 == 0 ? (int?)null : 100,
            cost = faker.Random.Int(0, 1_000_000_000) / 100_000_000m,
            latency_ms = number % 3 == 0 ? (int?)null : faker.Random.Int(0, 60_000),
            origin = number % 7 == 0 ? null : faker.PickRandom("api", "batch", "worker"),
            id_at_origin = faker.Random.AlphaNumeric(12),
            conversation_id = number % 9 == 0 ? conversations[number % conversations.Count].id : (Guid?)null,
            metadata = number % 13 == 0 ? null : number % 17 == 0 ? "{\"inner\": true}" : (object)new { number },
            created_at = number == 0 ? (DateTime?)null : Past(90),
        }));
        await InsertAsync(connection, "llmring.conversation_templates", Enumerable.Range(0, 30).Select(number => new
        {
            id = faker.Random.Guid(),
            api_key_id = number % 10 == 9 ? null : AllKeys[number % AllKeys.Length],
            name = faker.Commerce.ProductName(),
            model = "claude-3-sonnet-20240229",
            temperature = 0.25m,
            tool_config = new { number },
            created_by = faker.Internet.UserName(),
            is_active = number % 6 != 0,
            usage_count = number,
            created_at = Past(60),
            updated_at = Past(2),
        }));
        var servers = Enumerable.Range(0, 9).Select(number => new
        {
            id = faker.Random.Guid(),
            name = faker.Internet.DomainWord(),
            url = "https://93.184.215.14/mcp",
            transport_type = "http",
            auth_config = number % 3 == 2 ? null : (object)new { type = "bearer", token = $"secret-{number}" },
            capabilities = new { tools = new { } },
            is_active = true,
            api_key_id = AllKeys[number % AllKeys.Length],
            created_at = Past(60),
            updated_at = Past(2),
        }).ToList();
        await InsertAsync(connection, "mcp_client.servers", servers);
        var tools = Enumerable.Range(0, 36).Select(number => new
        {
            id = faker.Random.Guid(),
            server_id = servers[number % servers.Count].id,
            name = $"tool-{number}",
            input_schema = new { type = "object" },
            is_active = true,
            api_key_id = number % 4 == 0 ? null : servers[number % servers.Count].api_key_id,
            created_at = Past(60),
        }).ToList();
        await InsertAsync(connection, "mcp_client.tools", tools);
        await InsertAsync(connection, "mcp_client.resources", servers.Select(server => new
        {
            id = faker.Random.Guid(),
            server_id = server.id,
            uri = "file:///a",
            name = "a",
            is_active = true,
            server.api_key_id,
            created_at = now,
        }));
        await InsertAsync(connection, "mcp_client.prompts", servers.Select(server => new
        {
            id = faker.Random.Guid(),
            server_id = server.id,
            name = "p",
            arguments = new[] { new { name = "x" } },
            is_active = true,
            server.api_key_id,
            created_at = now,
        }));
        await InsertAsync(connection, "mcp_client.tool_executions", Enumerable.Range(0, 90).Select(number => new
        {
            id = faker.Random.Guid(),
            tool_id = tools[number % tools.Count].id,
            conversation_id = number % 2 == 0 ? conversations[number % conversations.Count].id : (Guid?)null,
            input = new { number },
            output = number % 3 == 0 ? null : (object)new { text = faker.Lorem.Word() },
            error = number % 3 == 0 ? "refused" : null,
            duration_ms = number,
            executed_at = Past(30),
        }));
        await connection.ExecuteAsync("""
            insert into llmring.schema_migrations (filename, checksum, module_name) values ('001_initial.sql', 'abc', 'llmring'), ('001_mcp.sql', 'def', 'mcp_client')
            """);
    }

    private static Task<int> InsertAsync(NpgsqlConnection connection, string table, IEnumerable<object> rows) => connection.ExecuteAsync(
        $"insert into {table} select * from jsonb_populate_recordset(null::{table}, @rows::jsonb)", new { rows = JsonSerializer.Serialize(rows) });

    private const string Tables = """
        create schema llmring;
        create schema mcp_client;
        create extension pgcrypto schema llmring;

        create table llmring.schema_migrations (
            id serial primary key, filename varchar(255) not null, checksum varchar(64) not null, module_name varchar(100),
            applied_at timestamp not null default current_timestamp, applied_by varchar(100) default current_user, execution_time_ms integer,
            unique (filename, module_name));
        create index idx_schema_migrations_module on llmring.schema_migrations (module_name, filename);

        create table llmring.usage_logs (
            id uuid primary key default gen_random_uuid(), api_key_id varchar(255), model varchar(255) not null, provider varchar(50) not null,
            alias varchar(128), profile varchar(64) default 'default', input_tokens integer not null, output_tokens integer not null,
            cached_input_tokens integer default 0, cost numeric(10,8) not null, latency_ms integer, origin varchar(255), id_at_origin varchar(255),
            conversation_id uuid, metadata jsonb default '{}', created_at timestamptz default current_timestamp, project_id uuid);
        create index idx_usage_logs_alias on llmring.usage_logs (alias, created_at desc);
        create index idx_usage_logs_api_key_profile on llmring.usage_logs (api_key_id, profile, created_at desc);
        create index idx_usage_logs_api_key_timestamp on llmring.usage_logs (api_key_id, created_at desc);
        create index idx_usage_logs_conversation on llmring.usage_logs (conversation_id) where (conversation_id is not null);
        create index idx_usage_logs_model on llmring.usage_logs (model, created_at desc);
        create index idx_usage_logs_origin on llmring.usage_logs (origin, created_at desc);
        create index idx_usage_logs_project_id on llmring.usage_logs (project_id, created_at desc);

        create table llmring.conversations (
            id uuid primary key default gen_random_uuid(), api_key_id varchar(255), title varchar(500), system_prompt text,
            model_alias varchar(255), temperature double precision default 0.7, max_tokens integer,
            message_count integer default 0, total_input_tokens integer default 0, total_output_tokens integer default 0,
            total_cost numeric(10,8) default 0, created_at timestamptz default current_timestamp,
            updated_at timestamptz default current_timestamp, last_message_at timestamptz, project_id uuid,
            constraint conversations_max_tokens_check check (max_tokens > 0),
            constraint conversations_temperature_check check (temperature >= 0 and temperature <= 2));
        create index idx_conversations_api_key on llmring.conversations (api_key_id, created_at desc);
        create index idx_conversations_project_id on llmring.conversations (project_id);
        create index idx_conversations_updated on llmring.conversations (updated_at desc);

        create table llmring.messages (
            id uuid primary key default gen_random_uuid(),
            conversation_id uuid not null references llmring.conversations (id) on delete cascade,
            role varchar(50) not null, content text, content_hash varchar(64), input_tokens integer, output_tokens integer,
            tool_calls jsonb, tool_results jsonb, metadata jsonb default '{}', "timestamp" timestamptz default current_timestamp,
            constraint messages_role_check check (role::text = any (array['system'::varchar, 'user'::varchar, 'assistant'::varchar, 'tool'::varchar]::text[])));
        create index idx_messages_content_hash on llmring.messages (content_hash) where (content_hash is not null);
        create index idx_messages_conversation on llmring.messages (conversation_id, "timestamp");
        create function llmring.update_conversation_stats() returns trigger language plpgsql as $$
        begin
            update llmring.conversations
            set message_count = message_count + 1,
                total_input_tokens = total_input_tokens + coalesce(new.input_tokens, 0),
                total_output_tokens = total_output_tokens + coalesce(new.output_tokens, 0),
                total_cost = total_cost + coalesce((new.metadata ->> 'cost')::numeric, 0),
                last_message_at = new."timestamp", updated_at = current_timestamp
            where id = new.conversation_id;
            return new;
        end $$;
        create trigger update_conversation_on_message after insert on llmring.messages
            for each row execute function llmring.update_conversation_stats();

        create table llmring.conversation_templates (
            id uuid primary key default gen_random_uuid(), api_key_id varchar(255), name varchar(255) not null, description text,
            system_prompt text, model varchar(255) not null default 'claude-3-sonnet-20240229', temperature numeric(3,2) not null default 0.7,
            max_tokens integer, tool_config jsonb not null default '{}', created_by varchar(255) not null, is_active boolean not null default true,
            usage_count integer not null default 0, created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
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

        create table mcp_client.servers (
            id uuid primary key default gen_random_uuid(), name varchar(255) not null, url varchar(1000) not null, transport_type varchar(50) not null,
            auth_config jsonb, capabilities jsonb, is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), updated_at timestamptz default now(), project_id uuid,
            constraint servers_transport_type_check check (transport_type::text = any (array['stdio'::varchar, 'http'::varchar, 'websocket'::varchar]::text[])));
        create index idx_mcp_servers_active on mcp_client.servers (is_active);
        create index idx_mcp_servers_api_key on mcp_client.servers (api_key_id);
        create index idx_mcp_servers_name on mcp_client.servers (name);
        create index idx_mcp_servers_project on mcp_client.servers (project_id);
        create function mcp_client.update_updated_at() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
        create trigger tr_mcp_servers_updated_at before update on mcp_client.servers for each row execute function mcp_client.update_updated_at();

        create table mcp_client.tools (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade, name varchar(255) not null,
            description text, input_schema jsonb not null, is_active boolean default true, api_key_id varchar(255), created_at timestamptz default now(),
            project_id uuid, unique (server_id, name));
        create index idx_mcp_tools_active on mcp_client.tools (is_active);
        create index idx_mcp_tools_api_key on mcp_client.tools (api_key_id);
        create index idx_mcp_tools_name on mcp_client.tools (name);
        create index idx_mcp_tools_project on mcp_client.tools (project_id);
        create index idx_mcp_tools_server on mcp_client.tools (server_id);

        create table mcp_client.resources (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade, uri varchar(1000) not null,
            name varchar(255), description text, mime_type varchar(255), is_active boolean default true, api_key_id varchar(255),
            created_at timestamptz default now(), project_id uuid, unique (server_id, uri));
        create index idx_mcp_resources_api_key on mcp_client.resources (api_key_id);
        create index idx_mcp_resources_project on mcp_client.resources (project_id);
        create index idx_mcp_resources_server on mcp_client.resources (server_id);
        create index idx_mcp_resources_uri on mcp_client.resources (uri);

        create table mcp_client.prompts (
            id uuid primary key default gen_random_uuid(), server_id uuid references mcp_client.servers (id) on delete cascade, name varchar(255) not null,
            description text, arguments jsonb, is_active boolean default true, api_key_id varchar(255), created_at timestamptz default now(),
            project_id uuid, unique (server_id, name));
        create index idx_mcp_prompts_api_key on mcp_client.prompts (api_key_id);
        create index idx_mcp_prompts_name on mcp_client.prompts (name);
        create index idx_mcp_prompts_project on mcp_client.prompts (project_id);
        create index idx_mcp_prompts_server on mcp_client.prompts (server_id);

        create table mcp_client.tool_executions (
            id uuid primary key default gen_random_uuid(), tool_id uuid references mcp_client.tools (id) on delete cascade,
            conversation_id uuid references llmring.conversations (id) on delete cascade, input jsonb, output jsonb, error text,
            duration_ms integer, executed_at timestamptz default now());
        create index idx_tool_executions_conversation on mcp_client.tool_executions (conversation_id);
        create index idx_tool_executions_executed on mcp_client.tool_executions (executed_at desc);
        create index idx_tool_executions_tool on mcp_client.tool_executions (tool_id);
        """;
}
