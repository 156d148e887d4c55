using System.Collections.Frozen;
using Dapper;
using LlmRing.Shared.Postgres;

namespace LlmRing.Modules.Usage.Filters;

/// <summary>
/// The time zones that PostgreSQL knows. All computations with local times are made there, so that one list of zones and rules decides.
/// </summary>
internal sealed class TimeZones(ReadReplica reads)
{
    /// <summary>The default zone.</summary>
    public const string Utc = "UTC";

    private volatile FrozenSet<string>? _names;

    /// <summary>Finds a zone by its IANA name, in any letter case; null where PostgreSQL does not know it.</summary>
    public async ValueTask<string?> FindAsync(string name, CancellationToken cancellationToken)
    {
        // The view reads hundreds of files, so it is read once. It does not list POSIX rules, which are no names.
        var names = _names ??= (await reads.ReadAsync(
            connection => connection.QueryAsync<string>(new CommandDefinition(
                "select name from pg_timezone_names where name !~ '^posix'", cancellationToken: cancellationToken)),
            cancellationToken)).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
        return names.TryGetValue(name, out var found) ? found is "Etc/UTC" ? Utc : found : null;
    }

    /// <summary>The instant, UTC, at which a local time begins.</summary>
    public Task<DateTime> ToUtcAsync(DateTime local, string zone, CancellationToken cancellationToken) => reads.ReadAsync(
        connection => connection.ExecuteScalarAsync<DateTime>(new CommandDefinition(
            "select usage_local_start(@local, @zone)",
            new { zone, local = DateTime.SpecifyKind(local, DateTimeKind.Unspecified) },
            cancellationToken: cancellationToken)),
        cancellationToken);
}
