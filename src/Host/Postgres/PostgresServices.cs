using System.Data;
using Dapper;
using LlmRing.Host.Migrations;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Postgres;

/// <summary>Sets the database up.</summary>
internal static class PostgresServices
{
    /// <summary>Writers use up to two connections at once; requests and background work need some, too.</summary>
    private const int MinPoolSize = 8;

    /// <summary>Adds the <see cref="NpgsqlDataSource"/> of the primary and the migrations.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="connection">Where the database is.</param>
    /// <param name="settings">Schema and pool.</param>
    /// <exception cref="OperatorErrorException">The pool is too small to work with.</exception>
    public static IServiceCollection AddDatabase(this IServiceCollection services, NpgsqlConnectionStringBuilder connection, DatabaseSettings settings)
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.AddTypeHandler(new UtcTimestampHandler());
        SqlMapper.AddTypeHandler(new RawJsonHandler());

        return services
            // The name is what metrics show; by default it is the connection string.
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
            // A pool that stays exhausted, or a database that does not answer, becomes a 503 within seconds.
            Timeout = 5,
            CommandTimeout = 30,
            MaxAutoPrepare = 100,
            AutoPrepareMinUsages = 2,
            // A reset costs as much as most statements. So nothing here leaves a session other than it was: "set local" only.
            NoResetOnClose = true,
            Timezone = "UTC",
        };
        foreach (var (key, value) in given)
            builder[key] = value;
        if (builder.MaxPoolSize < MinPoolSize)
            throw new OperatorErrorException($"LLMRING_DATABASE_POOL_SIZE + LLMRING_DATABASE_POOL_OVERFLOW (or Maximum Pool Size in the URL) is {builder.MaxPoolSize}; accepted: at least {MinPoolSize}");
        // Tables of the built-in modules are named without their schema.
        builder.SearchPath = settings.Schema;
        return builder;
    }

    /// <summary>Npgsql reads <c>timestamptz</c> as <see cref="DateTime"/>; this API speaks in offsets, always UTC.</summary>
    private sealed class UtcTimestampHandler : SqlMapper.TypeHandler<DateTimeOffset>
    {
        public override DateTimeOffset Parse(object value) => value switch
        {
            DateTimeOffset timestamp => timestamp,
            _ => new DateTimeOffset(DateTime.SpecifyKind((DateTime)value, DateTimeKind.Utc)),
        };

        // Dapper would send a DateTimeOffset as it is, and Npgsql takes only UTC.
        public override void SetValue(IDbDataParameter parameter, DateTimeOffset value) => parameter.Value = value.UtcDateTime;
    }
}
