using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Conversations.Tests.DeleteOldMessages;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DeleteOldMessagesTests(ServerFixture server)
{
    [Test]
    public async Task Only_the_callers_old_messages_are_deleted()
    {
        using var client = server.NewClient();
        using var other = server.NewClient();
        var (mine, theirs) = (await OldConversationAsync(client), await OldConversationAsync(other));
        await client.PostAsync($"/conversations/{mine}/messages", new { role = "user", content = "new" });
        var before = await server.SnapshotAsync(other);

        var answer = await client.DeleteAsync("/api/v1/conversations/old-messages?retention_days=10");

        await Assert.That(answer.Text).IsEqualTo("""{"deleted_count":3,"retention_days":10}""");
        await Assert.That((await client.GetAsync($"/conversations/{mine}"))["messages"]!.Contents()).IsEquivalentTo(["new"]);
        await Assert.That(await server.CountMessagesAsync(theirs)).IsEqualTo(3);
        await Assert.That(await server.SnapshotAsync(other)).IsEqualTo(before);
    }

    [Test]
    public async Task Positions_of_deleted_messages_are_not_used_again()
    {
        using var client = server.NewClient();
        var id = await OldConversationAsync(client);
        await client.DeleteAsync("/conversations/old-messages");

        await Assert.That((await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(2))).Status).IsEqualTo(200);
        var first = await server.ScalarAsync<long>(
            "select min(position) from llmring.messages where conversation_id = @id", new { id = Guid.Parse(id) });
        await Assert.That(first).IsEqualTo(4);
    }

    [Test]
    public async Task A_message_that_the_search_index_reads_meanwhile_is_deleted_as_well()
    {
        using var client = server.NewClient();
        var id = await OldConversationAsync(client);
        await using var connection = new NpgsqlConnection(server.ConnectionString);
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        // The lock of a step of the index.
        await connection.ExecuteAsync(
            "select from llmring.messages where conversation_id = @id and position = 2 for key share", new { id = Guid.Parse(id) });

        var deletion = client.DeleteAsync("/conversations/old-messages");
        await Eventually.HoldsAsync(async () => deletion.IsCompleted || await connection.ExecuteScalarAsync<bool>(
            "select exists (select from pg_stat_activity where pg_backend_pid() = any (pg_blocking_pids(pid)))"));
        await transaction.CommitAsync();

        await Assert.That((await deletion).Text).IsEqualTo("""{"deleted_count":3,"retention_days":30}""");
        await Assert.That(await server.CountMessagesAsync(id)).IsEqualTo(0);
    }

    [Test]
    public async Task Old_messages_of_a_new_conversation_are_deleted()
    {
        using var client = server.NewClient();
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", """
            [{"role": "user", "content": "old", "timestamp": "2024-05-01T00:00:00Z"}, {"role": "assistant", "content": "new"}]
            """);

        var answer = await client.DeleteAsync("/conversations/old-messages");

        await Assert.That((int)answer["deleted_count"]!).IsEqualTo(1);
        await Assert.That((await client.GetAsync($"/conversations/{id}/messages")).Json.Contents()).IsEquivalentTo(["new"]);
    }

    [Test]
    public async Task The_default_age_is_thirty_days()
    {
        using var client = server.NewClient();
        await Assert.That((await client.DeleteAsync("/conversations/old-messages")).Text)
            .IsEqualTo("""{"deleted_count":0,"retention_days":30}""");
    }

    [Test]
    [Arguments("0", 422)]
    [Arguments("-1", 422)]
    [Arguments("soon", 422)]
    [Arguments("4294967296", 422)]
    [Arguments("2147483647", 200)]
    public async Task The_age_is_at_least_a_day(string days, int status)
    {
        using var client = server.NewClient();
        await Assert.That((await client.DeleteAsync($"/conversations/old-messages?retention_days={days}")).Status).IsEqualTo(status);
    }

    private async Task<string> OldConversationAsync(ApiClient client)
    {
        var id = await client.NewConversationAsync();
        await client.PostAsync($"/conversations/{id}/messages/batch", Chat.Messages(3));
        await server.ScalarAsync<object>(
            """
            update llmring.messages set "timestamp" = now() - interval '40 days' where conversation_id = @id;
            update llmring.conversations set created_at = now() - interval '40 days' where id = @id
            """,
            new { id = Guid.Parse(id) });
        return id;
    }
}
