using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace LlmRing.Shared.Postgres;

/// <summary>
/// Where heavy reads go: to a streaming replica (<c>LLMRING_DATABASE_READ_URL</c>) where there is one, else to the primary.
/// A read from the replica sees all that was committed when it was asked for: the replica is waited for a moment, and one
/// that lags, is away or is no replica is left aside until it is fit again. While the primary is away a read sees all that
/// this host had found committed before.
/// </summary>
public sealed partial class ReadReplica : BackgroundService
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);
    // With the connection and the questions: a host that is cut off from the replica hears nothing at all.
    private static readonly TimeSpan PatienceInAll = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly NpgsqlDataSource _primary;
    private readonly NpgsqlDataSource? _replica;
    private readonly ILogger<ReadReplica> _logger;
    private readonly Lock _changing = new();
    private NpgsqlLogSequenceNumber _seen;
    private volatile bool _isFit;
    private bool _isLogged;

    /// <param name="primary">The database that is written to.</param>
    /// <param name="replica">The replica; null: there is none. It is disposed of with this.</param>
    /// <param name="logger">Hears of each change once.</param>
    internal ReadReplica(NpgsqlDataSource primary, NpgsqlDataSource? replica, ILogger<ReadReplica> logger) =>
        (_primary, _replica, _logger) = (primary, replica, logger);

    /// <summary>A connection for reading a stream: should the replica die meanwhile, the stream ends with an error.</summary>
    public async ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken) =>
        await TryOpenReplicaAsync(cancellationToken) ?? await _primary.OpenConnectionAsync(cancellationToken);

    /// <summary>Reads something; once more from the primary where the replica fails at it.</summary>
    /// <param name="read">What to do with the connection.</param>
    /// <param name="cancellationToken">Gives the read up.</param>
    public async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> read, CancellationToken cancellationToken)
    {
        if (await TryOpenReplicaAsync(cancellationToken) is { } connection)
        {
            try
            {
                await using (connection)
                    return await read(connection);
            }
            catch (NpgsqlException exception) when (exception is not PostgresException || exception.IsTransient)
            {
                SetFit(false, exception.Message);
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

    /// <summary>Looks each second whether the replica is fit, so that no request has to find out.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_replica is null)
            return;

        using var timer = new PeriodicTimer(LookInterval);
        do
        {
            if (await OpenCaughtUpAsync(stoppingToken) is { } connection)
            {
                await connection.DisposeAsync();
                SetFit(true, "");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private ValueTask<NpgsqlConnection?> TryOpenReplicaAsync(CancellationToken cancellationToken) =>
        _isFit ? OpenCaughtUpAsync(cancellationToken) : default;

    /// <returns>A connection to the replica, which has all that is committed now; null where it has not.</returns>
    private async ValueTask<NpgsqlConnection?> OpenCaughtUpAsync(CancellationToken cancellationToken)
    {
        if (await FindPositionAsync(cancellationToken) is not { } committed)
            return null;

        var opening = OpenCaughtUpAsync(committed, cancellationToken);
        try
        {
            return await opening.WaitAsync(PatienceInAll, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // It comes to its end by itself, and nobody waits for it.
            _ = opening.ContinueWith(late => late.Result?.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            SetFit(false, "it does not answer");
            return null;
        }
    }

    private async Task<NpgsqlConnection?> OpenCaughtUpAsync(NpgsqlLogSequenceNumber committed, CancellationToken cancellationToken)
    {
        var connection = default(NpgsqlConnection);
        try
        {
            connection = await _replica!.OpenConnectionAsync(cancellationToken);
            var waited = Stopwatch.StartNew();
            while (true)
            {
                await using var command = new NpgsqlCommand("select pg_is_in_recovery(), coalesce(pg_last_wal_replay_lsn() >= $1, true)", connection)
                {
                    Parameters = { new() { Value = committed, NpgsqlDbType = NpgsqlDbType.PgLsn } },
                    // Seconds.
                    CommandTimeout = 1,
                };
                var (isReplica, isCaughtUp) = await ReadStateAsync(command, cancellationToken);
                if (isReplica && isCaughtUp)
                    return connection;
                if (!isReplica || waited.Elapsed > Patience)
                {
                    SetFit(false, isReplica ? $"it is more than {Patience.TotalMilliseconds} ms behind" : "it is no standby");
                    break;
                }

                await Task.Delay(PollInterval, cancellationToken);
            }
        }
        catch (NpgsqlException exception)
        {
            SetFit(false, exception.Message);
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
    /// Up to where the primary has written or, while it is away, had when it was last asked. Null where it is there and only
    /// busy: others may write to it, so nobody knows how far it is.
    /// </returns>
    private async Task<NpgsqlLogSequenceNumber?> FindPositionAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = _primary.CreateCommand("select pg_current_wal_lsn()");
            var written = (NpgsqlLogSequenceNumber)(await command.ExecuteScalarAsync(cancellationToken))!;
            lock (_changing)
                return _seen = written > _seen ? written : _seen;
        }
        catch (NpgsqlException exception)
        {
            lock (_changing)
                return IsAway(exception) && _seen != default ? _seen : null;
        }
    }

    private static bool IsAway(NpgsqlException exception) => exception is PostgresException refused
        ? refused.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
        : exception.InnerException is EndOfStreamException
            || exception.GetBaseException() is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.Shutdown };

    private static async Task<(bool IsReplica, bool IsCaughtUp)> ReadStateAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetBoolean(0), reader.GetBoolean(1));
    }

    private void SetFit(bool isFit, string reason)
    {
        lock (_changing)
        {
            if (isFit == _isFit && _isLogged)
                return;
            (_isFit, _isLogged) = (isFit, true);
        }

        if (isFit)
            LogUsed();
        else
            LogLeftAside(reason);
    }

    [LoggerMessage(LogLevel.Information, "Statistics, lists, exports and searches are read from the replica")]
    private partial void LogUsed();

    [LoggerMessage(LogLevel.Warning, "The replica is not read from: {Reason}")]
    private partial void LogLeftAside(string reason);
}
