using System.Diagnostics.CodeAnalysis;
using Dapper;
using LlmRing.Shared.Paging;
using LlmRing.Testing;
using Npgsql;

namespace LlmRing.Shared.Tests.Paging;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class PageQueriesTests(PostgresFixture postgres)
{
    [Test]
    [Arguments(10, 10, 10, false)]
    [Arguments(11, 10, 10, true)]
    [Arguments(0, 10, 0, false)]
    public async Task A_page_ends_at_its_limit_of_rows(int count, int limit, int rows, bool hasMore)
    {
        await using var connection = await OpenAsync();

        var page = await ReadAsync(connection, count, length: 1, limit);

        await Assert.That((page.Rows.Count, page.HasMore)).IsEqualTo((rows, hasMore));
    }

    [Test]
    [Arguments(40, 5, true)]
    [Arguments(6, 5, true)]
    [Arguments(5, 5, false)]
    public async Task A_page_ends_with_the_row_whose_characters_exceed_4_million(int count, int rows, bool hasMore)
    {
        await using var connection = await OpenAsync();

        var page = await ReadAsync(connection, count, length: 1_000_000, limit: 100);

        await Assert.That((page.Rows.Count, page.HasMore)).IsEqualTo((rows, hasMore));
    }

    [Test]
    public async Task A_row_longer_than_the_maximum_is_a_page_of_its_own()
    {
        await using var connection = await OpenAsync();

        var page = await ReadAsync(connection, count: 3, length: 5_000_000, limit: 100);

        await Assert.That((page.Rows.Count, page.HasMore)).IsEqualTo((1, true));
    }

    [Test]
    public async Task The_connection_can_be_used_after_each_page_that_ended_early()
    {
        await using var connection = await OpenAsync();

        for (var round = 0; round < 50; round++)
        {
            await ReadAsync(connection, count: 20, length: 1_000_000, limit: 100);
            await Assert.That(await connection.ExecuteScalarAsync<int>("select @round", new { round })).IsEqualTo(round);
        }
    }

    [Test]
    public async Task The_rows_after_a_page_that_ended_early_are_not_transferred()
    {
        await using var connection = await OpenAsync();
        await connection.ExecuteAsync("create temp sequence sent");

        // The numbers that the sequence gives are the rows that PostgreSQL produced: 2 GB if the query ran to its end.
        await connection.QueryPageAsync<Row>(
            new CommandDefinition("select nextval('sent') as number, repeat('x', 1000000) as text from generate_series(1, 2000)"),
            limit: 2000,
            row => row.Text.Length);

        // The buffers of the sockets hold a few rows more than were read.
        await Assert.That(await connection.ExecuteScalarAsync<long>("select last_value from sent")).IsLessThan(200);
    }

    private static Task<Page<Row>> ReadAsync(NpgsqlConnection connection, int count, int length, int limit) =>
        connection.QueryPageAsync<Row>(
            new CommandDefinition(
                "select number, repeat('x', @length) as text from generate_series(1::bigint, @count) as number limit @limit + 1",
                new { length, count, limit }),
            limit,
            row => row.Text.Length);

    private async Task<NpgsqlConnection> OpenAsync()
    {
        var connection = new NpgsqlConnection(postgres.ConnectionStringTo("postgres"));
        await connection.OpenAsync();
        return connection;
    }

    [SuppressMessage("Performance", "CA1812", Justification = "Dapper creates the rows.")]
    private sealed record Row(long Number, string Text);
}
