using System.Diagnostics;
using Dapper;
using LlmRing.Host.Postgres;
using LlmRing.Shared.Postgres;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>What is read where while a primary or its real streaming standby is busy, silent, away or promoted.</summary>
public sealed class ReadDatabaseTests
{
    private const int PoolSize = 8;

    [Test]
    public async Task A_primary_that_is_only_busy_is_no_reason_to_read_what_is_late_and_one_that_is_away_is_read_for_at_the_replica()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var (primary, reads) = (services.GetRequiredService<NpgsqlDataSource>(), services.GetRequiredService<ReadReplica>());
        await using var standby = new NpgsqlConnection(databases.Standby);

        // Busy: all connections are taken, and others write meanwhile.
        await standby.ExecuteAsync("select pg_wal_replay_pause()");
        var taken = await Task.WhenAll(Enumerable.Range(0, PoolSize).Select(_ => primary.OpenConnectionAsync().AsTask()));
        await taken[0].ExecuteAsync("insert into counted values (1)");
        await Assert.That(async () => await CountAsync(reads)).Throws<NpgsqlException>();
        foreach (var connection in taken)
            await connection.DisposeAsync();
        await Assert.That(await CountAsync(reads)).IsEqualTo((1, false));

        // Away: nothing newer can be had.
        await standby.ExecuteAsync("select pg_wal_replay_resume()");
        await Eventually.HoldsAsync(async () => await CountAsync(reads) == (1, true));
        await databases.StopPrimaryAsync();
        await Assert.That(await CountAsync(reads)).IsEqualTo((1, true));

        // Promoted: it is a replica no more, and might be written to by others.
        await standby.ExecuteAsync("select pg_promote()");
        await Assert.That(async () => await CountAsync(reads)).Throws<NpgsqlException>();
    }

    [Test]
    public async Task A_replica_that_says_nothing_at_all_delays_a_read_for_half_a_second_and_no_other_one()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var reads = services.GetRequiredService<ReadReplica>();
        int[] silent;
        await using (var standby = new NpgsqlConnection(databases.Standby))
        {
            silent = [.. await standby.QueryAsync<int>(
                "select pid from pg_stat_activity where application_name = 'llmring-server' union select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer")];
        }

        await SignalAsync("-STOP", silent);
        try
        {
            var watch = Stopwatch.StartNew();
            await Assert.That(await CountAsync(reads)).IsEqualTo((0, false));
            await Assert.That(watch.Elapsed).IsLessThan(TimeSpan.FromSeconds(1.5));
            watch.Restart();
            await Assert.That(await CountAsync(reads)).IsEqualTo((0, false));
            await Assert.That(watch.Elapsed).IsLessThan(TimeSpan.FromMilliseconds(400));
        }
        finally
        {
            await SignalAsync("-CONT", silent);
        }

        await Eventually.HoldsAsync(async () => await CountAsync(reads) == (0, true));
    }

    /// <summary>Reads as a server does, and waits until it does so at the replica.</summary>
    private static async Task<ServiceProvider> StartAsync(StandbyFixture databases)
    {
        await using (var connection = new NpgsqlConnection(databases.Primary))
            await connection.ExecuteAsync("create schema llmring; create table llmring.counted (n integer)");
        var settings = new DatabaseSettings { ReadUrl = databases.Standby, PoolSize = PoolSize, PoolOverflow = 0 };
        var services = new ServiceCollection()
            .AddLogging()
            .AddPostgres(new NpgsqlConnectionStringBuilder(databases.Primary) { Timeout = 1 }, settings)
            .BuildServiceProvider();
        var reads = services.GetRequiredService<ReadReplica>();
        await reads.StartAsync(CancellationToken.None);
        await Eventually.HoldsAsync(async () => await CountAsync(reads) == (0, true));
        return services;
    }

    private static Task<(long Rows, bool IsReplica)> CountAsync(ReadReplica reads) => reads.ReadAsync(
        connection => connection.QuerySingleAsync<(long, bool)>("select count(*), pg_is_in_recovery() from counted"), CancellationToken.None);

    private static async Task SignalAsync(string signal, int[] processes)
    {
        using var kill = Process.Start("kill", [signal, .. processes.Select(process => $"{process}")]);
        await kill.WaitForExitAsync();
    }
}
