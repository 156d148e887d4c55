using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Shared.Postgres;

/// <summary>
/// Opens connections for heavy reads: to a streaming replica (<c>LLMRING_DATABASE_READ_URL</c>) if one is configured and healthy, else
/// to the primary. A read from the replica sees everything that was committed before the read began: it first waits until the
/// replica has replayed the primary's log so far. A replica that lags, does not answer or is no standby is skipped until it is
/// healthy again. While the primary is down, a read sees everything up to the last log position that this host knows.
/// </summary>
public sealed partial class ReadReplica : BackgroundService
{
    private static readonly TimeSpan ReplayTimeout = TimeSpan.FromMilliseconds(250);
    // Includes connecting: packets to a host that is cut off are lost without an error.
    private static readonly TimeSpan TotalTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _primary;
    private readonly NpgsqlDataSource? _replica;
    private readonly TimeProvider _time;
    private readonly ILogger<ReadReplica> _logger;
    // Guards changes of the fields below; _isHealthy is read without it.
    private readonly Lock _lock = new();
    private NpgsqlLogSequenceNumber _lastKnownLsn;
    private volatile bool _isHealthy;
    private bool _isLogged;

    /// <param name="primary">The primary.</param>
    /// <param name="replica">The replica, disposed together with this object; null: none is configured.</param>
    /// <param name="time">The clock of health checks and timeouts.</param>
    /// <param name="logger">Receives one event per change of the replica's health.</param>
    internal ReadReplica(NpgsqlDataSource primary, NpgsqlDataSource? replica, TimeProvider time, ILogger<ReadReplica> logger) =>
        (_primary, _replica, _time, _logger) = (primary, replica, time, logger);

    /// <summary>Whether reads go to the replica.</summary>
    internal bool IsHealthy => _isHealthy;

    /// <summary>Runs a read; if the replica fails during the read, runs it again on the primary.</summary>
    /// <param name="read">The read. It may be called twice.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    public async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken cancellationToken)
    {
        if (await TryOpenReplicaAsync(cancellationToken) is { } connection)
        {
            try
            {
                await using (connection)
                    return await read(connection);
            }
            catch (NpgsqlException exception) when (exception.IsUnavailability())
            {
                SetUnhealthy(exception.Message);
            }
        }

        await using var primary = await _primary.OpenConnectionAsync(cancellationToken);
        return await read(primary);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _replica?.Dispose();
        base.Dispose();
    }

    /// <summary>Checks the replica each second, so that no request has to wait for one that does not answer.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_replica is null)
            return;

        using var timer = new PeriodicTimer(CheckInterval, _time);
        do
        {
            if (await OpenCaughtUpAsync(stoppingToken) is { } connection)
            {
                await connection.DisposeAsync();
                SetHealthy();
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private ValueTask<NpgsqlConnection?> TryOpenReplicaAsync(CancellationToken cancellationToken) =>
        _isHealthy ? OpenCaughtUpAsync(cancellationToken) : default;

    /// <returns>A connection to the replica that sees everything committed so far; null if there is none in time.</returns>
    private async ValueTask<NpgsqlConnection?> OpenCaughtUpAsync(CancellationToken cancellationToken)
    {
        if (await GetCommittedLsnAsync(cancellationToken) is not { } committed)
            return null;

        var opening = OpenCaughtUpAsync(committed, cancellationToken);
        try
        {
            return await opening.WaitAsync(TotalTimeout, _time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // Opening goes on in the background; a connection that arrives late is closed.
            _ = opening.ContinueWith(
                late => late.Result?.Dispose(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            SetUnhealthy("it does not answer");
            return null;
        }
    }

    private async Task<NpgsqlConnection?> OpenCaughtUpAsync(NpgsqlLogSequenceNumber committed, CancellationToken cancellationToken)
    {
        var connection = default(NpgsqlConnection);
        try
        {
            connection = await _replica!.OpenConnectionAsync(cancellationToken);
            var started = _time.GetTimestamp();
            while (true)
            {
                await using var command = new NpgsqlCommand(
                    "select pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1, true)", connection)
                {
                    Parameters = { new() { Value = committed, NpgsqlDbType = NpgsqlDbType.PgLsn } },
                    // In seconds.
                    CommandTimeout = 1,
                };
                var (isReplica, isCaughtUp) = await ReadStateAsync(command, cancellationToken);
                if (isReplica && isCaughtUp)
                    return connection;
                if (!isReplica || _time.GetElapsedTime(started) > ReplayTimeout)
                {
                    SetUnhealthy(isReplica ? $"it is more than {ReplayTimeout.TotalMilliseconds} ms behind" : "it is no standby");
                    break;
                }

                await Task.Delay(PollInterval, _time, cancellationToken);
            }
        }
        catch (NpgsqlException exception)
        {
            SetUnhealthy(exception.Message);
        }
        catch (OperationCanceledException) when (connection is not null)
        {
            await connection.DisposeAsync();
            throw;
        }

        if (connection is not null)
            await connection.DisposeAsync();
        return null;
    }

    /// <returns>
    /// The end of the primary's log or, while the primary is down, the last known end. Null if the primary is up but does not answer,
    /// e.g. because its connections are exhausted: other hosts may go on writing, so the last known end may be too old.
    /// </returns>
    private async Task<NpgsqlLogSequenceNumber?> GetCommittedLsnAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = _primary.CreateCommand("select pg_current_wal_lsn()");
            var written = (NpgsqlLogSequenceNumber)(await command.ExecuteScalarAsync(cancellationToken))!;
            lock (_lock)
                return _lastKnownLsn = written > _lastKnownLsn ? written : _lastKnownLsn;
        }
        catch (NpgsqlException exception)
        {
            lock (_lock)
                return IsDown(exception) && _lastKnownLsn != default ? _lastKnownLsn : null;
        }
    }

    private static bool IsDown(NpgsqlException exception) => exception is PostgresException refused
        ? refused.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
        : exception.InnerException is EndOfStreamException || exception.GetBaseException() is SocketException
        {
            SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.Shutdown,
        };

    private static async Task<(bool IsReplica, bool IsCaughtUp)> ReadStateAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetBoolean(0), reader.GetBoolean(1));
    }

    private void SetHealthy()
    {
        if (TryChange(isHealthy: true))
            LogReplicaUsed();
    }

    private void SetUnhealthy(string reason)
    {
        if (TryChange(isHealthy: false))
            LogReplicaSkipped(reason);
    }

    /// <returns>Whether this is a change, or the first result after the start.</returns>
    private bool TryChange(bool isHealthy)
    {
        lock (_lock)
        {
            if (isHealthy == _isHealthy && _isLogged)
                return false;
            (_isHealthy, _isLogged) = (isHealthy, true);
            return true;
        }
    }

    [LoggerMessage(LogLevel.Information, "Statistics, lists, exports and searches are read from the replica", EventName = "ReplicaUsed")]
    private partial void LogReplicaUsed();

    [LoggerMessage(LogLevel.Warning, "The replica is not read from: {Reason}", EventName = "ReplicaSkipped")]
    private partial void LogReplicaSkipped(string reason);
}
