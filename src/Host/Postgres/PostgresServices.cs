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
    /// <summary>Writers use up to two connections at once; requests and background services need the others.</summary>
    private const int MinPoolSize = 8;

    /// <summary>Adds the <see cref="NpgsqlDataSource"/> of the primary, the <see cref="ReadReplica"/> and the migrations.</summary>
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

        return services
            // Metrics show the name; the default would be the connection string.
            .AddNpgsqlDataSource(WithDefaults(connection, settings).ConnectionString, builder => builder.Name = "llmring")
            .AddSingleton<DatabaseMigrator>()
            .AddReadReplica(settings);
    }

    private static IServiceCollection AddReadReplica(this IServiceCollection services, DatabaseSettings settings)
    {
        var replica = settings.ReadUrl is { } url ? WithDefaults(ConnectionStrings.Parse(url, "DATABASE_READ_URL"), settings) : null;
        return services
            .AddSingleton(provider => new ReadReplica(
                provider.GetRequiredService<NpgsqlDataSource>(),
                replica is null ? null : new NpgsqlDataSourceBuilder(replica.ConnectionString) { Name = "llmring-replica" }.Build(),
                provider.GetRequiredService<TimeProvider>(),
                provider.GetRequiredService<ILogger<ReadReplica>>()))
            .AddHostedService(provider => provider.GetRequiredService<ReadReplica>());
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
