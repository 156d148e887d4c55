using Dapper;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Modules.Usage.Tests.Maintenance;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class UsageRetentionTests(ServerFixture server)
{
    [Test]
    public async Task Usages_of_expired_months_in_the_default_partition_are_deleted_and_their_statistics_stay()
    {
        var database = await server.Postgres.CreateDatabaseAsync();
        await using var connection = new NpgsqlConnection(database);
        await using (var host = await ServerFixture.StartAsync(database, server.Upstream))
        {
            using var client = new ApiClient(host.Address, "k");
            await client.PostAsync("/api/v1/log", UsageFaker.Usage(("timestamp", "2021-05-05T00:00:00Z")));
            // As if its partition had not been created.
            await connection.ExecuteAsync("""
                create table moved as select * from llmring.usage_logs_2021_05;
                drop table llmring.usage_logs_2021_05;
                insert into llmring.usage_logs select * from moved;
                """);
            await client.PostAsync("/api/v1/log", UsageFaker.Usage());
        }

        await Assert.That(await connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs_default")).IsEqualTo(1);
        await using var keeper = await ServerFixture.StartAsync(database, server.Upstream, ("USAGE_RETENTION_DAYS", "90"));
        using var reader = new ApiClient(keeper.Address, "k");

        await Eventually.HoldsAsync(async () => await connection.ExecuteScalarAsync<long>("select count(*) from llmring.usage_logs") == 1);
        await Assert.That((int)(await reader.GetAsync("/api/v1/stats?start_date=2021-01-01"))["summary"]!["total_requests"]!).IsEqualTo(2);
    }
}
