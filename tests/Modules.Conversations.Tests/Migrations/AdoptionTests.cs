using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.Migrations;

/// <summary>A database of the reference server is adopted with all its rows.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class AdoptionTests(ServerFixture server)
{
    private const string Reference = """
        create schema llmring;
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
            constraint messages_role_check check (role in ('system', 'user', 'assistant', 'tool')));
        create index idx_messages_content_hash on llmring.messages (content_hash) where content_hash is not null;
        create index idx_messages_conversation on llmring.messages (conversation_id, "timestamp");
        create function llmring.update_conversation_stats() returns trigger language plpgsql as $$
        begin
            update llmring.conversations
            set message_count = message_count + 1,
                total_input_tokens = total_input_tokens + coalesce(new.input_tokens, 0),
                total_output_tokens = total_output_tokens + coalesce(new.output_tokens, 0),
                total_cost = total_cost + coalesce((new.metadata->>'cost')::numeric, 0),
                last_message_at = new."timestamp", updated_at = current_timestamp
            where id = new.conversation_id;
            return new;
        end $$;
        create trigger update_conversation_on_message after insert on llmring.messages
            for each row execute function llmring.update_conversation_stats();

        insert into llmring.conversations (id, api_key_id, title) values ('00000000-0000-4000-8000-000000000001', 'old-key', 'Old talk');
        insert into llmring.messages (conversation_id, role, content, input_tokens, metadata)
        select '00000000-0000-4000-8000-000000000001', 'user', n::text, 2, '{"cost": 0.5}' from generate_series(1, 20) n;
        update llmring.messages set metadata = '"{\"a\": 1}"' where content = '1';
        update llmring.messages set metadata = null where content = '2';
        insert into llmring.conversations (
            id, api_key_id, model_alias, temperature, message_count, total_input_tokens, total_output_tokens, total_cost,
            created_at, updated_at)
        values ('00000000-0000-4000-8000-000000000002', 'old-key', null, null, null, null, null, null, null, null);
        """;

    [Test]
    public async Task Adopted_conversations_are_unchanged_and_new_messages_are_counted_once()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using (var connection = new NpgsqlConnection(database))
            await connection.ExecuteAsync(Reference);
        await using var adopted = await ServerFixture.StartAsync(database, server.Upstream, ("MODULES", "conversations"));
        using var client = new ApiClient(adopted.Address, "old-key");

        var talk = await client.GetAsync("/conversations/00000000-0000-4000-8000-000000000001");
        await Assert.That((int)talk["message_count"]!).IsEqualTo(20);
        await Assert.That((decimal)talk["total_cost"]!).IsEqualTo(10);
        await Assert.That(string.Join(",", talk["messages"]!.Contents())).Contains("3,4,5,6,7,8");
        await Assert.That(talk["messages"]!.AsArray().Single(message => (string?)message!["content"] == "1")!["metadata"]!.ToJsonString())
            .IsEqualTo("""{"a":1}""");
        await Assert.That(talk["messages"]!.AsArray().Single(message => (string?)message!["content"] == "2")!["metadata"]!.ToJsonString())
            .IsEqualTo("{}");

        var bare = await client.GetAsync("/conversations/00000000-0000-4000-8000-000000000002");
        await Assert.That((string?)bare["model_alias"]).IsEqualTo("default");
        await Assert.That((double)bare["temperature"]!).IsEqualTo(0.7);
        await Assert.That((decimal)bare["total_cost"]!).IsEqualTo(0);

        await client.PostAsync("/conversations/00000000-0000-4000-8000-000000000001/messages", new
        {
            role = "user",
            content = "21",
            input_tokens = 2,
            metadata = new { cost = 100 },
        });
        talk = await client.GetAsync("/conversations/00000000-0000-4000-8000-000000000001");
        await Assert.That((int)talk["message_count"]!).IsEqualTo(21);
        await Assert.That((long)talk["total_input_tokens"]!).IsEqualTo(42);
        await Assert.That((decimal)talk["total_cost"]!).IsEqualTo(110);
        await Assert.That((string?)talk["messages"]![20]!["content"]).IsEqualTo("21");
    }
}
