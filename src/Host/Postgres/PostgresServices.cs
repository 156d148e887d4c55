using System.Data;
using Dapper;
using LlmRing.Host.Migrations;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Postgres;

/// <summary>The connection pools of the primary and the replica, and the migrations.</summary>
internal static class PostgresServices
{
    /// <summary>Key of the pool of health checks, which readers and writers cannot exhaust.</summary>
    public const string HealthPool = "llmring-health";

    /// <summary>Key of the primary's pool of heavy reads, which leaves the connections of the main pool to writers.</summary>
    public const string ReadPool = "llmring-read";

    private const int MinPoolSize = 8;

    /// <summary>Writers use up to two connections at once; short requests and background services need the others.</summary>
    private const int MinMainPoolSize = 4;

    /// <summary>
    /// Adds the pools of the primary, the <see cref="ReadReplica"/> and the migrations. The main pool is the
    /// <see cref="NpgsqlDataSource"/> without a key.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="connection">The connection to the database.</param>
    /// <param name="settings">Schema and size of the pool.</param>
    /// <exception cref="OperatorErrorException">The pool has fewer connections than the server needs.</exception>
    public static IServiceCollection AddPostgres(
        this IServiceCollection services, NpgsqlConnectionStringBuilder connection, DatabaseSettings settings)
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.AddTypeHandler(new UtcTimestampHandler());
        SqlMapper.AddTypeHandler(new RawJsonHandler());

        var primary = WithDefaults(connection, settings);
        var (total, health) = (primary.MaxPoolSize, new NpgsqlConnectionStringBuilder(primary.ConnectionString)
        {
            MinPoolSize = 0,
            MaxPoolSize = 2,
            // In seconds. The client of a health check does not wait longer.
            Timeout = 2,
            CommandTimeout = 2,
            // A statement that has timed out closes its connection at once, instead of waiting until PostgreSQL has cancelled it.
            CancellationTimeout = -1,
        });
        var main = Math.Max(MinMainPoolSize, total - total * 2 / 3);
        var writers = WithSize(primary, main);
        // PostgreSQL answers a commit whose wait for a synchronous standby is cancelled with success, although a failover may lose the
        // commit. Therefore no writer waits for the answer to a cancelled statement.
        writers.CancellationTimeout = -1;
        return services
            .AddPool("llmring", writers, key: null)
            .AddPool(ReadPool, WithSize(primary, total - main), ReadPool, WithoutCompilation)
            .AddPool(HealthPool, health, HealthPool)
            .AddSingleton<DatabaseMigrator>()
            .AddReadReplica(settings);
    }

    // Metrics show the name; the default would be the connection string.
    private static IServiceCollection AddPool(
        this IServiceCollection services,
        string name,
        NpgsqlConnectionStringBuilder connection,
        string? key,
        Action<NpgsqlDataSourceBuilder>? configure = null) =>
        services.AddNpgsqlDataSource(
            connection.ConnectionString,
            builder =>
            {
                builder.Name = name;
                configure?.Invoke(builder);
            },
            serviceKey: key);

    /// <summary>
    /// Keeps PostgreSQL from compiling queries (jit). It would compile the sums of a scope with many usages, because it cannot estimate
    /// how few rollups they read, and takes longer for that than the sums take.
    /// </summary>
    private static void WithoutCompilation(NpgsqlDataSourceBuilder builder)
    {
        const string Statement = "set jit = off";
        builder.UsePhysicalConnectionInitializer(
            connection =>
            {
                using var command = new NpgsqlCommand(Statement, connection);
                command.ExecuteNonQuery();
            },
            async connection =>
            {
                await using var command = new NpgsqlCommand(Statement, connection);
                await command.ExecuteNonQueryAsync();
            });
    }

    private static NpgsqlConnectionStringBuilder WithSize(NpgsqlConnectionStringBuilder pool, int size) => new(pool.ConnectionString)
    {
        MinPoolSize = Math.Min(pool.MinPoolSize, size),
        MaxPoolSize = size,
    };

    private static IServiceCollection AddReadReplica(this IServiceCollection services, DatabaseSettings settings)
    {
        var replica = settings.ReadUrl is { } url ? WithDefaults(ConnectionStrings.Parse(url, "DATABASE_READ_URL"), settings) : null;
        return services
            .AddSingleton(provider => new ReadReplica(
                provider.GetRequiredKeyedService<NpgsqlDataSource>(ReadPool),
                replica is null ? null : ReplicaOf(replica),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ReadReplica>>()))
            .AddHostedService(provider => provider.GetRequiredService<ReadReplica>());
    }

    private static NpgsqlDataSource ReplicaOf(NpgsqlConnectionStringBuilder connection)
    {
        var builder = new NpgsqlDataSourceBuilder(connection.ConnectionString) { Name = "llmring-replica" };
        WithoutCompilation(builder);
        return builder.Build();
    }

    private static NpgsqlConnectionStringBuilder WithDefaults(NpgsqlConnectionStringBuilder given, DatabaseSettings settings)
    {
        var builder = new NpgsqlConnectionStringBuilder
        {
            ApplicationName = "llmring-server",
            MaxPoolSize = settings.PoolSize + settings.PoolOverflow,
            // Seconds until an exhausted pool or an unreachable database becomes a 503.
            Timeout = 5,
            CommandTimeout = 30,
            MaxAutoPrepare = 100,
            AutoPrepareMinUsages = 2,
            // Resetting a session costs as much as most statements. Therefore statements change session settings by "set local" only.
            NoResetOnClose = true,
            Timezone = "UTC",
        };
        foreach (var (key, value) in given)
            builder[key] = value;
        if (builder.MaxPoolSize < MinPoolSize)
        {
            throw new OperatorErrorException(
                "LLMRING_DATABASE_POOL_SIZE + LLMRING_DATABASE_POOL_OVERFLOW (or Maximum Pool Size in the URL) "
                + $"is {builder.MaxPoolSize}; accepted: at least {MinPoolSize}");
        }

        // Statements name the tables of the built-in modules without their schema.
        builder.SearchPath = settings.Schema;
        return builder;
    }

    /// <summary>Npgsql reads <c>timestamptz</c> as <see cref="DateTime"/>; this API has <see cref="DateTimeOffset"/>, always UTC.</summary>
    private sealed class UtcTimestampHandler : SqlMapper.TypeHandler<DateTimeOffset>
    {
        public override DateTimeOffset Parse(object value) => value switch
        {
            DateTimeOffset timestamp => timestamp,
            _ => new DateTimeOffset(DateTime.SpecifyKind((DateTime)value, DateTimeKind.Utc)),
        };

        // Npgsql refuses offsets other than UTC, and Dapper would pass the offset on.
        public override void SetValue(IDbDataParameter parameter, DateTimeOffset value) => parameter.Value = value.UtcDateTime;
    }
}
