using System.Diagnostics.Metrics;
using LlmRing.Host.Authentication;
using LlmRing.Host.Migrations;
using LlmRing.Host.Modules;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
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
    public Uri Address =>
        new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>What the modules and the host registered.</summary>
    public IServiceProvider Services => _application.Services;

    /// <summary>Finds the database, migrates it and listens.</summary>
    /// <param name="arguments">Environment, address and port.</param>
    /// <param name="configuration">The <c>LLMRING_*</c> variables without their prefix.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    /// <exception cref="OperatorErrorException">A setting, the database or the port does not allow it.</exception>
    public static Task<LlmRingServer> StartAsync(
        ServerArguments arguments, IConfiguration configuration, CancellationToken cancellationToken) =>
        StartAsync(arguments, configuration, TimeProvider.System, cancellationToken);

    /// <summary>Does the same with a clock that the caller chooses: tests let hours pass without waiting.</summary>
    internal static async Task<LlmRingServer> StartAsync(
        ServerArguments arguments, IConfiguration configuration, TimeProvider time, CancellationToken cancellationToken)
    {
        ListenAddress.RequireFree(arguments);
        var database = await ServerDatabase.LocateAsync(arguments.Environment, configuration, cancellationToken);
        try
        {
            await database.RequireAnswerAsync(cancellationToken);
            var builder = new ServerBuilder(arguments, configuration, database, time);
            var application = await ModuleFaultIsolation.BuildWithoutCandidatesAsync(
                ModuleAssemblies.Discover(configuration.ReadSettings<ModuleSettings>()),
                catalog => StartAsync(builder, catalog, cancellationToken));
            if (arguments.Environment is ServerEnvironment.Prod
                && application.Services.GetRequiredService<AuthenticationSettings>().ApiKeyValidationMode is ApiKeyValidationMode.Bridge)
                LogAnyKeyAccepted(application.Logger);
            return new LlmRingServer(application, database);
        }
        catch (Exception exception)
        {
            await database.DisposeAsync();
            throw exception switch
            {
                NpgsqlException failure => database.ToOperatorError(failure),
                _ when ListenAddress.IsRefused(exception) => ListenAddress.ToOperatorError(arguments, exception),
                _ => exception,
            };
        }
    }

    /// <summary>Completes when the server was told to stop (SIGTERM, Ctrl+C); dispose of it then.</summary>
    public async Task WaitForShutdownAsync(CancellationToken cancellationToken)
    {
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var stopped = _application.Lifetime.ApplicationStopping.Register(stopping.SetResult);
        await using var cancelled = cancellationToken.Register(_application.Lifetime.StopApplication);
        await stopping.Task;
    }

    /// <summary>Stops listening, lets requests finish, then stops the embedded PostgreSQL if there is one.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_application);
        await _database.DisposeAsync();
    }

    private static async Task<WebApplication> StartAsync(ServerBuilder builder, ModuleCatalog catalog, CancellationToken cancellationToken)
    {
        var application = await builder.BuildAsync(catalog);
        try
        {
            await application.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(cancellationToken);
            await application.StartAsync(cancellationToken);
        }
        catch (Exception)
        {
            await StopAsync(application);
            throw;
        }

        ReportModules(application, catalog);
        return application;
    }

    private static void ReportModules(WebApplication application, ModuleCatalog catalog)
    {
        application.Services.GetRequiredService<IMeterFactory>().Create("LlmRing.Modules").CreateObservableGauge(
            "llmring.modules.left_out", () => catalog.Failed.Count, "{module}", "Modules that failed at start");
        foreach (var name in catalog.Unknown)
            LogModuleUnknown(application.Logger, name);
        foreach (var module in catalog.Dependent)
            LogModuleOff(application.Logger, module.Name, module.Missing);
        foreach (var module in catalog.Failed)
            LogModuleFailed(application.Logger, module.Failure, module.Name, module.Assembly.Describe(), module.Reason);
    }

    /// <summary>Stops an application. An exception of a module's service does not keep the database from being stopped.</summary>
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

    [LoggerMessage(LogLevel.Error, "Module {Module} in {Path} failed at start and is left out: {Reason}", EventName = "ModuleFailed")]
    private static partial void LogModuleFailed(ILogger logger, Exception exception, string module, string path, string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "LLMRING_MODULES names '{Name}', which was not found; it may be a module that failed",
        EventName = "ModuleUnknown")]
    private static partial void LogModuleUnknown(ILogger logger, string name);

    [LoggerMessage(
        LogLevel.Information,
        "Module {Module} is off, because it requires the module {Missing}, which is off",
        EventName = "ModuleSwitchedOff")]
    private static partial void LogModuleOff(ILogger logger, string module, string missing);

    [LoggerMessage(LogLevel.Error, "A background service failed while the server stopped", EventName = "ServerStopFailed")]
    private static partial void LogStopFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        LogLevel.Warning,
        "Any API key is accepted, each as a scope of its own (bridge mode); to let in only keys that you made: "
            + "llmring-server keys create --project NAME, then LLMRING_API_KEY_VALIDATION_MODE=strict",
        EventName = "AnyKeyAccepted")]
    private static partial void LogAnyKeyAccepted(ILogger logger);
}
