using LlmRing.Modules.Mcp.Storage;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Writes to the database how requests to MCP servers end; repetitions are written at intervals only.</summary>
internal sealed partial class ServerHealthRecorder(ServerRepository servers, TimeProvider time, ILogger<ServerHealthRecorder> logger)
{
    private static readonly TimeSpan SuccessInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan FailureInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();

    // The last report of each server; guarded by _lock.
    private readonly Dictionary<Guid, Report> _reports = [];

    /// <summary>Records that a server answered.</summary>
    /// <param name="serverId">The server.</param>
    /// <param name="protocolVersion">The revision of MCP that a new connection negotiated; null for any other answer.</param>
    public async Task RecordSuccessAsync(Guid serverId, string? protocolVersion)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (protocolVersion is null
                && _reports.TryGetValue(serverId, out var last)
                && last.Error is null
                && now - last.At < SuccessInterval)
                return;
            _reports[serverId] = new Report(null, now);
        }

        await WriteAsync(serverId, ct => servers.RecordSuccessAsync(serverId, protocolVersion, ct));
    }

    /// <summary>Records why a request to a server failed.</summary>
    public async Task RecordFailureAsync(Guid serverId, string error)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_reports.TryGetValue(serverId, out var last) && last.Error == error && now - last.At < FailureInterval)
                return;
            _reports[serverId] = new Report(error, now);
        }

        await WriteAsync(serverId, ct => servers.RecordFailureAsync(serverId, error, ct));
    }

    /// <summary>Removes the reports that are too old to keep a repetition from being written.</summary>
    public void RemoveExpiredReports()
    {
        var oldest = time.GetUtcNow() - SuccessInterval;
        lock (_lock)
        {
            foreach (var (serverId, report) in _reports)
            {
                if (report.At <= oldest)
                    _reports.Remove(serverId);
            }
        }
    }

    private async Task WriteAsync(Guid serverId, Func<CancellationToken, Task> write)
    {
        using var timeout = new CancellationTokenSource(WriteTimeout, time);
        try
        {
            await write(timeout.Token);
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            // The request itself has ended; a health report that is lost must not fail it.
            LogNotRecorded(exception, serverId);
        }
    }

    [LoggerMessage(
        LogLevel.Warning, "The health of MCP server {ServerId} could not be recorded", EventName = "McpServerHealthNotRecorded")]
    private partial void LogNotRecorded(Exception exception, Guid serverId);

    private readonly record struct Report(string? Error, DateTimeOffset At);
}
