using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using LlmRing.Host.Authentication;
using LlmRing.Host.Caching;
using LlmRing.Host.Health;
using LlmRing.Host.Migrations;
using LlmRing.Host.Modules;
using LlmRing.Host.OpenApi;
using LlmRing.Host.Pipeline;
using LlmRing.Host.Pipeline.RateLimiting;
using LlmRing.Host.Postgres;
using LlmRing.Host.Retention;
using LlmRing.Host.Telemetry;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Npgsql;

namespace LlmRing.Host.Startup;

/// <summary>A running server: the chosen modules behind Kestrel, over one database.</summary>
public sealed partial class LlmRingServer : IAsyncDisposable
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
    /// <exception cref="OperatorErrorException">A setting, the database or the port does not allow it.</exception>
    public static Task<LlmRingServer> StartAsync(ServerArguments arguments, IConfiguration configuration, CancellationToken cancellationToken) =>
        StartAsync(arguments, configuration, TimeProvider.System, cancellationToken);

    /// <summary>Does the same with a clock that the caller chooses: tests let hours pass without waiting.</summary>
    internal static async Task<LlmRingServer> StartAsync(ServerArguments arguments, IConfiguration configuration, TimeProvider time, CancellationToken cancellationToken)
    {
        RequireFreePort(arguments);
        var database = await ServerDatabase.LocateAsync(arguments.Environment, configuration, cancellationToken);
        try
        {
            await database.RequireAnswerAsync(cancellationToken);
            var application = await StartAsync(arguments, configuration, database, time, cancellationToken);
            if (arguments.Environment is ServerEnvironment.Prod && application.Services.GetRequiredService<AuthenticationSettings>().ApiKeyValidationMode is ApiKeyValidationMode.Bridge)
                LogAnyKey(application.Logger);
            return new LlmRingServer(application, database);
        }
        catch (Exception exception)
        {
            await database.DisposeAsync();
            throw exception switch
            {
                NpgsqlException failure => database.Refusal(failure),
                _ when exception.IsOfThePort() => CannotListen(arguments, exception),
                _ => exception,
            };
        }
    }

    /// <summary>Completes when the server was told to stop (SIGTERM, Ctrl+C); dispose of it then.</summary>
    public async Task WaitForShutdownAsync(CancellationToken cancellationToken)
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var told = _application.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await using var cancelled = cancellationToken.Register(_application.Lifetime.StopApplication);
        await stopping.Task;
    }

    /// <summary>Stops listening, lets requests finish, then stops the embedded PostgreSQL if there is one.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_application);
        await _database.DisposeAsync();
    }

    /// <summary>Starts with all modules that can be started; one of <c>LLMRING_MODULES_PATH</c> that throws is left out.</summary>
    private static async Task<WebApplication> StartAsync(ServerArguments arguments, IConfiguration configuration, ServerDatabase database, TimeProvider time, CancellationToken cancellationToken)
    {
        var catalog = ModuleAssemblies.Discover(configuration.ReadSettings<ModuleSettings>());
        try
        {
            return await StartAsync(arguments, configuration, database, time, catalog, cancellationToken);
        }
        catch (Exception exception)
        {
            foreach (var suspects in ModuleFaults.SuspectsOf(exception, catalog))
            {
                try
                {
                    return await StartAsync(arguments, configuration, database, time, catalog.Without(suspects, exception), cancellationToken);
                }
                catch (Exception)
                {
                    // It was not they, or not they alone.
                }
            }

            throw;
        }
    }

    /// <summary>Starts without whom a failure names, as long as one does.</summary>
    private static async Task<WebApplication> StartAsync(ServerArguments arguments, IConfiguration configuration, ServerDatabase database, TimeProvider time, ModuleCatalog catalog, CancellationToken cancellationToken)
    {
        while (true)
        {
            var application = default(WebApplication);
            try
            {
                application = await BuildAsync(arguments, configuration, database, time, catalog);
                await application.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(cancellationToken);
                await application.StartAsync(cancellationToken);
                application.Services.GetRequiredService<IMeterFactory>().Create("LlmRing.Modules").CreateObservableGauge(
                    "llmring.modules.left_out", () => catalog.LeftOut.Count, "{module}", "Modules that failed at start");
                foreach (var name in catalog.Unknown)
                    LogUnknown(application.Logger, name);
                foreach (var module in catalog.LeftOut)
                    LogLeftOut(application.Logger, module.Failure, module.Name, module.Assembly.Describe(), module.Failure.Message.ReplaceLineEndings(" "));
                return application;
            }
            catch (Exception exception)
            {
                if (application is not null)
                    await StopAsync(application);
                if (ModuleFaults.CulpritOf(exception, catalog) is not { } culprit)
                    throw;
                catalog = catalog.Without([culprit], exception);
            }
        }
    }

    /// <summary>What a module throws while it stops must not keep the database from being stopped.</summary>
    private static async Task StopAsync(WebApplication application)
    {
        foreach (var step in (Func<Task>[])[() => application.StopAsync(), () => application.DisposeAsync().AsTask()])
        {
            try
            {
                await step();
            }
            catch (Exception exception)
            {
                LogStopFailed(application.Logger, exception);
            }
        }
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

    private static OperatorErrorException CannotListen(ServerArguments arguments, Exception exception) =>
        new($"Cannot listen on {arguments.Host}:{arguments.Port}: {exception.Message.ReplaceLineEndings(" ")}", exception);

    /// <summary>Puts the server together without starting it.</summary>
    internal static async Task<WebApplication> BuildAsync(ServerArguments arguments, IConfiguration configuration, ServerDatabase database, TimeProvider time, ModuleCatalog catalog)
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
        var services = builder.Services;
        // A module's background work that fails is logged; it does not take the other modules down.
        services.Configure<HostOptions>(host => host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore);
        services.AddSingleton(settings)
            .AddSingleton(configuration.ReadSettings<CacheSettings>())
            .AddSingleton(catalog)
            .AddSingleton(time)
            .AddDatabase(database.Connection, settings)
            .AddCaching()
            .AddEvents()
            .AddTelemetry(configuration, builder.Configuration)
            .AddHealth(configuration, catalog)
            .AddSingleton<RetentionRunner>()
            .AddHostedService<RetentionService>()
            .AddHttpPipeline(
                [Assembly.GetExecutingAssembly(), .. catalog.Modules.Select(module => module.Assembly)],
                configuration.ReadSettings<AuthenticationSettings>(),
                configuration.ReadSettings<CorsSettings>(),
                configuration.ReadSettings<RateLimitSettings>())
            .AddOpenApiDocument(catalog);
        foreach (var module in catalog.Modules)
            services.AddModule(module, configuration);
        services.TryAddSingleton<IModelPrices, NoModelPrices>();
        services.TryAddSingleton<IConversationOwnership, NoConversations>();
        services.TryAddSingleton<IUsageTotals, NoUsageTotals>();

        var app = builder.Build();
        try
        {
            app.Use(app.Services.GetRequiredService<Draining>().CloseConnectionAsync);
            UseEndpoints(app);
            app.UseOpenApiPages();
            return app;
        }
        catch (Exception)
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private static void UseEndpoints(WebApplication app)
    {
        try
        {
            app.UseHttpPipeline();
        }
        catch (InvalidOperationException) when (MappedRoute.FindTwins(app) is not null)
        {
            // FastEndpoints objects to some of them; what is said of any comes next.
        }

        if (MappedRoute.FindTwins(app) is { } twins)
            throw new OperatorErrorException($"Two endpoints answer {twins[0]}: {string.Join(" and ", twins.Select(route => route.Endpoint.FullName))}");
    }

    private static void ConfigureLogging(ILoggingBuilder logging, ServerEnvironment environment)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        foreach (var library in (string[])["Microsoft", "System", "Npgsql", "FastEndpoints"])
            logging.AddFilter(library, LogLevel.Warning);
        logging.AddFilter("Microsoft.Hosting.Lifetime", environment is ServerEnvironment.Test ? LogLevel.Warning : LogLevel.Information);
        // Asked on each request whether it logs, it would make an activity for it; tracing makes its own.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // What it would warn of refuses the start, in words of our own.
        logging.AddFilter("FastEndpoints.DuplicateHandlerRegistration", LogLevel.None);
        // It would tell of every request without a key.
        logging.AddFilter(typeof(ScopeAuthenticationHandler).FullName!, LogLevel.Warning);
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

    [LoggerMessage(LogLevel.Error, "Module {Module} in {Path} failed at start and is left out: {Reason}")]
    private static partial void LogLeftOut(ILogger logger, Exception exception, string module, string path, string reason);

    [LoggerMessage(LogLevel.Warning, "LLMRING_MODULES names '{Name}', which is not there; it may be a module that failed")]
    private static partial void LogUnknown(ILogger logger, string name);

    [LoggerMessage(LogLevel.Error, "A background service failed while the server stopped")]
    private static partial void LogStopFailed(ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Warning, "Any API key is accepted, each as a scope of its own (bridge mode); to let in only keys that you made: llmring-server keys create --project NAME, then LLMRING_API_KEY_VALIDATION_MODE=strict")]
    private static partial void LogAnyKey(ILogger logger);
}
