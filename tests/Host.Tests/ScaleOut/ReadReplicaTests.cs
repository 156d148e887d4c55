using System.Diagnostics;
using Dapper;
using LlmRing.Host.Postgres;
using LlmRing.Shared.Postgres;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Npgsql;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>Where reads go while the primary or its streaming standby is busy, suspended, stopped or promoted.</summary>
public sealed class ReadReplicaTests
{
    private const int PoolSize = 8;

    [Test]
    public async Task A_read_fails_while_the_connections_of_the_primary_are_exhausted_because_the_replica_may_lag()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var primary = services.GetRequiredKeyedService<NpgsqlDataSource>(PostgresServices.ReadPool);
        var reads = services.GetRequiredService<ReadReplica>();
        await ExecuteAsync(databases.Standby, "select pg_wal_replay_pause()");

        var taken = await Task.WhenAll(Enumerable.Range(0, PoolSize / 2).Select(_ => primary.OpenConnectionAsync().AsTask()));
        await taken[0].ExecuteAsync("insert into counted values (1)");
        await Assert.That(async () => await CountAsync(reads)).Throws<NpgsqlException>();
        foreach (var connection in taken)
            await connection.DisposeAsync();

        await Assert.That(await CountAsync(reads)).IsEqualTo((1, false));
    }

    [Test]
    public async Task A_read_goes_to_the_replica_while_the_primary_is_down()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var reads = services.GetRequiredService<ReadReplica>();
        await ExecuteAsync(databases.Primary, "insert into counted values (1)");
        await Eventually.HoldsAsync(async () => await CountAsync(reads) == (1, true));

        await databases.StopPrimaryAsync();

        await Assert.That(await CountAsync(reads)).IsEqualTo((1, true));
    }

    [Test]
    public async Task A_promoted_standby_is_not_read_from()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var reads = services.GetRequiredService<ReadReplica>();
        await databases.StopPrimaryAsync();
        await Assert.That(await CountAsync(reads)).IsEqualTo((0, true));

        await ExecuteAsync(databases.Standby, "select pg_promote()");

        await Assert.That(async () => await CountAsync(reads)).Throws<NpgsqlException>();
    }

    [Test]
    public async Task A_read_from_a_suspended_replica_falls_back_to_the_primary()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        await using var services = await StartAsync(databases);
        var reads = services.GetRequiredService<ReadReplica>();

        await using var suspended = await SuspendedReplica.SuspendAsync(databases);

        await Assert.That(await CountAsync(reads)).IsEqualTo((0, false));
    }

    [Test]
    public async Task A_suspended_replica_is_skipped_after_one_failed_read_so_that_no_other_read_waits_for_it()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        // No check runs while the clock stands still: only the read can find out.
        var time = new FakeTimeProvider();
        await using var services = await StartAsync(databases, time);
        var reads = services.GetRequiredService<ReadReplica>();
        await using var suspended = await SuspendedReplica.SuspendAsync(databases);

        var read = CountAsync(reads);
        await Eventually.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromMilliseconds(100));
            return Task.FromResult(read.IsCompleted);
        });

        await Assert.That(await read).IsEqualTo((0, false));
        await Assert.That(reads.IsHealthy).IsFalse();
    }

    [Test]
    public async Task A_replica_that_answers_again_is_read_from_after_the_next_check()
    {
        await using var databases = new StandbyFixture();
        await databases.InitializeAsync();
        var time = new FakeTimeProvider();
        await using var services = await StartAsync(databases, time);
        var reads = services.GetRequiredService<ReadReplica>();
        await databases.StopStandbyAsync();
        await Assert.That(await CountAsync(reads)).IsEqualTo((0, false));
        await databases.StartStandbyAsync();
        await Assert.That(await CountAsync(reads)).IsEqualTo((0, false));

        await Eventually.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(reads.IsHealthy);
        });

        await Assert.That(await CountAsync(reads)).IsEqualTo((0, true));
    }

    /// <summary>The services that read as a server does, once the replica is healthy.</summary>
    private static async Task<ServiceProvider> StartAsync(StandbyFixture databases, TimeProvider? time = null)
    {
        await ExecuteAsync(databases.Primary, "create schema llmring; create table llmring.counted (n integer)");
        // With a clock that stands still there is only the first check, so the table must have been replayed by then.
        await Eventually.HoldsAsync(() => IsReplayedAsync(databases.Standby));
        var settings = new DatabaseSettings { ReadUrl = databases.Standby, PoolSize = PoolSize, PoolOverflow = 0 };
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton(time ?? TimeProvider.System)
            .AddPostgres(new NpgsqlConnectionStringBuilder(databases.Primary) { Timeout = 1 }, settings)
            .BuildServiceProvider();
        var reads = services.GetRequiredService<ReadReplica>();
        await reads.StartAsync(CancellationToken.None);
        await Eventually.HoldsAsync(() => Task.FromResult(reads.IsHealthy));
        return services;
    }

    private static Task<(long Rows, bool IsReplica)> CountAsync(ReadReplica reads) => reads.ReadAsync(
        connection => connection.QuerySingleAsync<(long, bool)>("select count(*), pg_is_in_recovery() from counted"), CancellationToken.None);

    private static async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection($"{database};Pooling=false");
        await connection.ExecuteAsync(sql);
    }

    private static async Task<bool> IsReplayedAsync(string standby)
    {
        await using var connection = new NpgsqlConnection($"{standby};Pooling=false");
        return await connection.ExecuteScalarAsync<bool>("select to_regclass('llmring.counted') is not null");
    }

    /// <summary>A replica whose postmaster and sessions are suspended (SIGSTOP) until disposal: connections stay open, nothing is answered.</summary>
    private sealed class SuspendedReplica : IAsyncDisposable
    {
        private readonly int[] _processes;

        private SuspendedReplica(int[] processes) => _processes = processes;

        public static async Task<SuspendedReplica> SuspendAsync(StandbyFixture databases)
        {
            int[] processes;
            await using (var connection = new NpgsqlConnection($"{databases.Standby};Pooling=false"))
            {
                processes = [.. await connection.QueryAsync<int>(
                    """
                    select pid from pg_stat_activity where application_name = 'llmring-server'
                    union select split_part(pg_read_file('postmaster.pid'), E'\n', 1)::integer
                    """)];
            }

            await SignalAsync("-STOP", processes);
            return new SuspendedReplica(processes);
        }

        public async ValueTask DisposeAsync() => await SignalAsync("-CONT", _processes);

        private static async Task SignalAsync(string signal, int[] processes)
        {
            using var kill = Process.Start("kill", [signal, .. processes.Select(process => $"{process}")]);
            await kill.WaitForExitAsync();
        }
    }
}
