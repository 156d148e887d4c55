using Dapper;
using LlmRing.Host.EmbeddedPostgres;
using LlmRing.Host.Modules;
using LlmRing.Host.Postgres;
using LlmRing.Host.Retention;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Startup;

/// <summary>The database of this run: the configured one, or the embedded one of dev and test.</summary>
internal sealed class ServerDatabase : IAsyncDisposable
{
    private readonly PostgresCluster? _embedded;
    private readonly IConfiguration _configuration;

    private ServerDatabase(NpgsqlConnectionStringBuilder connection, PostgresCluster? embedded, IConfiguration configuration)
    {
        Connection = connection;
        _embedded = embedded;
        _configuration = configuration;
        // libpq's rule: the default database has the name of the user.
        Connection.Database ??= Connection.Username ?? "llmring";
    }

    public NpgsqlConnectionStringBuilder Connection { get; }

    public string Name => Connection.Database!;

    /// <summary>Finds the configured database, or starts the embedded PostgreSQL.</summary>
    /// <exception cref="OperatorErrorException">No database is configured for prod, or the embedded PostgreSQL cannot start.</exception>
    public static async Task<ServerDatabase> LocateAsync(
        ServerEnvironment environment, IConfiguration configuration, CancellationToken cancellationToken)
    {
        var settings = configuration.ReadSettings<DatabaseSettings>();
        if (settings.ReadUrl is { } replica)
            RequireUsable("DATABASE_READ_URL", ConnectionStrings.Parse(replica, "DATABASE_READ_URL"));
        if (settings.Url is { } url)
        {
            var configured = ConnectionStrings.Parse(url);
            RequireUsable("DATABASE_URL", configured);
            return new ServerDatabase(configured, null, configuration);
        }

        if (environment is ServerEnvironment.Prod)
            throw new OperatorErrorException(
                "LLMRING_DATABASE_URL is not set; --env prod needs it: postgresql://user:password@host:port/database");

        var embedded = await PostgresCluster.StartAsync(PostgresCluster.DefaultFolder, [], cancellationToken);
        var connection = embedded.ConnectionTo(environment is ServerEnvironment.Test ? "llmring_test" : "llmring");
        var database = new ServerDatabase(connection, embedded, configuration);
        await database.CreateAsync(cancellationToken);
        return database;
    }

    /// <summary>Finds what Npgsql refuses in a well-formed setting, such as a missing host, before a data source is built.</summary>
    private static void RequireUsable(string setting, NpgsqlConnectionStringBuilder connection)
    {
        if (string.IsNullOrWhiteSpace(connection.Host))
        {
            throw new OperatorErrorException(
                $"LLMRING_{setting} (not shown) names no host; accepted: postgresql://user:password@host:port/database, "
                + "or Host=...;Database=...");
        }

        try
        {
            using var source = SourceOf(connection);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw new OperatorErrorException($"LLMRING_{setting} (not shown) cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>Creates the database where it does not exist.</summary>
    /// <returns>Whether it was created by this call.</returns>
    public async Task<bool> CreateAsync(CancellationToken cancellationToken)
    {
        await using var connection = await OpenMaintenanceAsync(cancellationToken);
        var exists = await connection.ExecuteScalarAsync<bool>(new CommandDefinition(
            "select exists (select from pg_database where datname = @name)", new { name = Name }, cancellationToken: cancellationToken));
        if (exists)
            return false;

        try
        {
            await connection.ExecuteAsync(new CommandDefinition($"create database {Quote(Name)}", cancellationToken: cancellationToken));
            return true;
        }
        catch (PostgresException exception) when (
            exception.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another host has created it meanwhile.
            return false;
        }
    }

    /// <summary>Connects once, so that an unreachable database is reported before anything else starts.</summary>
    /// <exception cref="NpgsqlException">The database does not answer, or does not exist.</exception>
    public async Task RequireAnswerAsync(CancellationToken cancellationToken)
    {
        await using var source = SourceOf(Connection);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
    }

    /// <summary>Connects to the database <c>postgres</c>, from which other databases are created and dropped.</summary>
    public async Task<NpgsqlConnection> OpenMaintenanceAsync(CancellationToken cancellationToken) =>
        await SourceOf(new NpgsqlConnectionStringBuilder(Connection.ConnectionString) { Database = "postgres", Pooling = false })
            .OpenConnectionAsync(cancellationToken);

    // Metrics show the name of a data source; the default would be the connection string.
    private static NpgsqlDataSource SourceOf(NpgsqlConnectionStringBuilder connection) =>
        new NpgsqlDataSourceBuilder(connection.ConnectionString) { Name = "llmring-start" }.Build();

    /// <summary>The modules that are on. Writes a line to the standard error about each that should be on and failed.</summary>
    public ModuleCatalog DiscoverModules()
    {
        var catalog = ModuleAssemblies.Discover(_configuration.ReadSettings<ModuleSettings>());
        foreach (var name in catalog.Unknown)
            Terminal.WriteErrorLine($"LLMRING_MODULES names '{name}', which was not found; it may be a module that failed");
        foreach (var module in catalog.Failed)
            Terminal.WriteErrorLine(module.ToString());
        return catalog;
    }

    /// <summary>The services that migrations need, without a web server.</summary>
    public ServiceProvider CreateServices(ModuleCatalog catalog) => AddServices(catalog).BuildServiceProvider();

    /// <summary>
    /// The services that retention needs: those of migrations and of the modules, without running any of them in the background.
    /// A module that throws is left out, as a server does.
    /// </summary>
    public async Task<ServiceProvider> CreateRetentionServicesAsync()
    {
        var discovered = DiscoverModules();
        var (services, working) = await ModuleFaultIsolation.BuildAsync(discovered, async catalog =>
        {
            var descriptions = AddServices(catalog).AddSingleton<RetentionRunner>();
            foreach (var module in catalog.Modules)
                descriptions.AddModule(module, _configuration);
            var provider = descriptions.BuildServiceProvider();
            try
            {
                // Resolved now, so that a failing constructor is attributed to its module.
                provider.GetRequiredService<RetentionRunner>();
                return (provider, catalog);
            }
            catch (Exception)
            {
                await provider.DisposeAsync();
                throw;
            }
        });
        foreach (var module in working.Failed.Skip(discovered.Failed.Count))
            Terminal.WriteErrorLine(module.ToString());
        return services;
    }

    /// <summary>The one line for an operator when the database refuses what the start or a command needs.</summary>
    public OperatorErrorException ToOperatorError(NpgsqlException exception)
    {
        var place = $"{Connection.Host ?? "localhost"}:{Connection.Port}";
        return exception is PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName }
            ? new OperatorErrorException(
                $"Database '{Name}' does not exist at {place}; create it with: llmring-server db create", exception)
            : new OperatorErrorException(
                $"The database '{Name}' at {place} cannot be used: "
                + (exception.InnerException?.Message ?? exception.Message).ReplaceLineEndings(" "),
                exception);
    }

    private IServiceCollection AddServices(ModuleCatalog catalog)
    {
        var settings = _configuration.ReadSettings<DatabaseSettings>();
        return new ServiceCollection()
            .AddLogging(logging => logging.AddLines().SetMinimumLevel(LogLevel.Warning))
            .AddSingleton(TimeProvider.System)
            .AddSingleton(settings)
            .AddSingleton(catalog)
            .AddPostgres(Connection, settings);
    }

    public static string Quote(string identifier) => new NpgsqlCommandBuilder().QuoteIdentifier(identifier);

    public ValueTask DisposeAsync() => _embedded?.DisposeAsync() ?? ValueTask.CompletedTask;
}
