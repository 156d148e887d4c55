using System.Net;
using System.Net.Sockets;
using System.Reflection;
using LlmRing.Host.Health;
using LlmRing.Host.Modules;
using LlmRing.Host.OpenApi;
using LlmRing.Host.Watching;
using LlmRing.Shared.Caching;
using LlmRing.Shared.Configuration;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Data;
using LlmRing.Shared.Events;
using LlmRing.Shared.Http;
using LlmRing.Shared.Modules;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace LlmRing.Host;

/// <summary>A running server: the chosen modules behind Kestrel, over one database.</summary>
public sealed class LlmRingServer : IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly ServerDatabase _database;

    private LlmRingServer(WebApplication application, ServerDatabase database) => (_application, _database) = (application, database);

    /// <summary>The version of this program.</summary>
    public static string Version { get; } = typeof(LlmRingServer).Assembly.GetName().Version!.ToString(3);

    /// <summary>Where it listens, e.g. <c>http://127.0.0.1:9101</c>.</summary>
    public Uri Address => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>What the modules and the host registered.</summary>
    public IServiceProvider Services => _application.Services;

    /// <summary>Finds the database, migrates it and listens.</summary>
    /// <param name="arguments">Environment, address and port.</param>
    /// <param name="configuration">The <c>LLMRING_*</c> variables without their prefix.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="StartRefusedException">A setting, the database or the port does not allow it.</exception>
    public static async Task<LlmRingServer> StartAsync(ServerArguments arguments, IConfiguration configuration, CancellationToken cancellationToken)
    {
        RequireFreePort(arguments);
        var database = await ServerDatabase.LocateAsync(arguments.Environment, configuration, cancellationToken);
        var server = default(LlmRingServer);
        try
        {
            await database.RequireAnswerAsync(cancellationToken);
            server = new LlmRingServer(Build(arguments, configuration, database), database);
            await server._application.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(cancellationToken);
            await server._application.StartAsync(cancellationToken);
            return server;
        }
        catch (Exception exception)
        {
            await (server?.DisposeAsync() ?? database.DisposeAsync());
            throw exception switch
            {
                NpgsqlException failure => database.Refusal(failure),
                IOException => CannotListen(arguments, exception),
                _ => exception,
            };
        }
    }

    /// <summary>Completes when the server was told to stop (SIGTERM, Ctrl+C) and has stopped.</summary>
    public Task WaitForShutdownAsync(CancellationToken cancellationToken) => _application.WaitForShutdownAsync(cancellationToken);

    /// <summary>Stops listening, lets requests finish, then stops the embedded PostgreSQL if there is one.</summary>
    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>Looked at first, so that a server that cannot listen does not touch the database (and Kestrel logs no stack trace).</summary>
    private static void RequireFreePort(ServerArguments arguments)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.TryParse(arguments.Host, out var address) ? address : IPAddress.Loopback, arguments.Port);
            listener.Start();
        }
        catch (SocketException exception)
        {
            throw CannotListen(arguments, exception);
        }
    }

    private static StartRefusedException CannotListen(ServerArguments arguments, Exception exception) =>
        new($"Cannot listen on {arguments.Host}:{arguments.Port}: {exception.Message.ReplaceLineEndings(" ")}", exception);

    private static WebApplication Build(ServerArguments arguments, IConfiguration configuration, ServerDatabase database)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(LlmRingServer).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = arguments.Environment switch
            {
                ServerEnvironment.Prod => Environments.Production,
                ServerEnvironment.Test => "Test",
                _ => Environments.Development,
            },
        });
        ConfigureLogging(builder.Logging, arguments.Environment);
        builder.WebHost.UseUrls($"http://{(arguments.Host.Contains(':') ? $"[{arguments.Host}]" : arguments.Host)}:{arguments.Port}");
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);

        var settings = configuration.ReadSettings<DatabaseSettings>();
        var modules = configuration.ReadSettings<ModuleSettings>();
        var catalog = ModuleCatalog.Discover(ModuleAssemblies.Load(modules.Path), modules.Modules);
        var services = builder.Services;
        // A module's background work that fails is logged; it does not take the other modules down.
        services.Configure<HostOptions>(host => host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore);
        services.AddSingleton(settings)
            .AddSingleton(configuration.ReadSettings<CacheSettings>())
            .AddSingleton(catalog)
            .AddSingleton(TimeProvider.System)
            .AddDatabase(database.Connection, settings)
            .AddCaching()
            .AddEvents()
            .AddWatching(configuration, builder.Configuration)
            .AddHealth(configuration)
            .AddHttpConventions(
                [Assembly.GetExecutingAssembly(), .. catalog.Modules.Select(module => module.Assembly)],
                configuration.ReadSettings<AuthenticationSettings>(),
                configuration.ReadSettings<CorsSettings>())
            .AddOpenApiDocument(catalog);
        foreach (var module in catalog.Modules)
            module.AddServices(services, configuration);
        services.TryAddSingleton<IModelPrices, NoModelPrices>();
        services.TryAddSingleton<IConversationOwnership, NoConversations>();

        var app = builder.Build();
        app.UseHttpConventions();
        app.UseOpenApiPages();
        return app;
    }

    private static void ConfigureLogging(ILoggingBuilder logging, ServerEnvironment environment)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        foreach (var library in (string[])["Microsoft", "System", "Npgsql", "FastEndpoints"])
            logging.AddFilter(library, LogLevel.Warning);
        logging.AddFilter("Microsoft.Hosting.Lifetime", environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        // It would tell of every request without a key.
        logging.AddFilter("LlmRing.Shared.Http.ScopeAuthenticationHandler", LogLevel.Warning);
        // What it would warn of is Redis being away, which RedisConnection says once.
        logging.AddFilter("ZiggyCreatures", LogLevel.Error);
        // The answer of /health/ready has the reasons, each time it is asked.
        logging.AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        // It would log each attempt of a resilient HTTP client with a stack trace; its caller says in a line what came of them.
        logging.AddFilter("Polly", LogLevel.None);
        // ASP.NET Core makes keys that nothing here uses.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
        if (environment is ServerEnvironment.Prod)
            logging.AddJsonConsole(console => (console.UseUtcTimestamp, console.TimestampFormat) = (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
        else
            logging.AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat) = (true, "HH:mm:ss "));
    }
}
