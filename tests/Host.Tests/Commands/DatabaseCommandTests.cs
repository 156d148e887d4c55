using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.Commands;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class DatabaseCommandTests(PostgresFixture postgres)
{
    [Test]
    public async Task The_commands_create_migrate_inspect_and_drop_a_database()
    {
        var url = postgres.ConnectionStringTo($"t{Guid.NewGuid():N}_test");

        var missing = await RunAsync("status");
        var created = await RunAsync("create");
        var again = await RunAsync("create");
        var pending = await RunAsync("status");
        var migrated = await RunAsync("migrate");
        var applied = await RunAsync("status");
        var dropped = await ServerProcess.RunAsync(["db", "drop-test"], ("DATABASE_URL", url));

        await Assert.That(missing.ExitCode).IsEqualTo(1);
        await Assert.That(missing.Output).Contains("does not exist").And.Contains("llmring-server db create");
        await Assert.That(created.Output).Contains("created");
        await Assert.That(again.Output).Contains("exists already");
        await Assert.That(pending.Output).Contains("V001__").And.Contains("pending");
        await Assert.That(migrated.ExitCode).IsEqualTo(0);
        await Assert.That(applied.Output).Contains("applied").And.DoesNotContain("pending");
        await Assert.That(dropped.Output).Contains("dropped");

        Task<(int ExitCode, string Output)> RunAsync(string verb) => ServerProcess.RunAsync(["db", verb, "--env", "prod"], ("DATABASE_URL", url));
    }

    [Test]
    public async Task A_database_whose_name_does_not_end_with_test_is_not_dropped()
    {
        var url = await postgres.CreateDatabaseAsync();

        var (exitCode, output) = await ServerProcess.RunAsync(["db", "drop-test"], ("DATABASE_URL", url));

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output).Contains("_test");
        await using var connection = new NpgsqlConnection(url);
        await connection.OpenAsync();
    }

    [Test]
    public async Task A_server_does_not_start_on_a_schema_that_is_newer_than_the_program()
    {
        var url = await postgres.CreateDatabaseAsync();
        await ServerProcess.RunAsync(["db", "migrate", "--env", "prod"], ("DATABASE_URL", url));
        await using (var connection = new NpgsqlConnection(url))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(
                """
                insert into llmring.migrations_usage (id, type, version, description, name, checksum, installed_by, installed_on, success)
                select max(id) + 1, 0, '999', 'future', 'V999__future.sql', 'x', 'x', now(), true from llmring.migrations_usage
                """,
                connection);
            await command.ExecuteNonQueryAsync();
        }

        var (exitCode, output) = await ServerProcess.RunAsync(["serve", "--env", "prod", "--port", "0"], ("DATABASE_URL", url));

        await Assert.That(exitCode).IsEqualTo(1);
        await Assert.That(output).Contains("newer than this program").And.Contains("V999__future.sql");
    }
}
