using System.Reflection;
using LlmRing.Host.Authentication;
using LlmRing.Host.Caching;
using LlmRing.Host.Health;
using LlmRing.Host.Modules;
using LlmRing.Host.OpenApi;
using LlmRing.Host.Pipeline;
using LlmRing.Host.Pipeline.RateLimiting;
using LlmRing.Host.Pipeline.RequestBodies;
using LlmRing.Host.Postgres;
using LlmRing.Host.Retention;
using LlmRing.Host.Telemetry;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Events;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace LlmRing.Host.Startup;

/// <summary>Builds the web application of a server: the services of the host and its modules, and the request pipeline.</summary>
/// <param name="arguments">Environment, address and port.</param>
/// <param name="configuration">The <c>LLMRING_*</c> variables without their prefix.</param>
/// <param name="database">The database of this run.</param>
/// <param name="time">The clock of all timers.</param>
internal sealed class ServerBuilder(ServerArguments arguments, IConfiguration configuration, ServerDatabase database, TimeProvider time)
{
    /// <summary>Builds with the modules of a catalog, without starting anything.</summary>
    /// <exception cref="OperatorErrorException">A setting is invalid, or two endpoints have the same route.</exception>
    public async Task<WebApplication> BuildAsync(ModuleCatalog catalog)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(ServerBuilder).Assembly.GetName().Name,
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = arguments.Environment switch
            {
                ServerEnvironment.Prod => Environments.Production,
                ServerEnvironment.Test => "Test",
                _ => Environments.Development,
            },
        });
        LoggingSetup.Configure(builder.Logging, arguments.Environment);
        builder.WebHost.UseUrls(ListenAddress.UrlOf(arguments));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            KestrelLimits.Apply(kestrel);
        });
        AddServices(builder, catalog);

        var app = builder.Build();
        try
        {
            app.UseMiddleware<ConnectionDrainMiddleware>();
            MapEndpoints(app);
            app.UseOpenApiPages();
            return app;
        }
        catch (Exception)
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private void AddServices(WebApplicationBuilder builder, ModuleCatalog catalog)
    {
        var settings = configuration.ReadSettings<DatabaseSettings>();
        var services = builder.Services;
        // A failed background service of one module is logged and does not stop the other modules.
        services.Configure<HostOptions>(host => host.BackgroundServiceExceptionBehavior = BackgroundServiceExceptionBehavior.Ignore);
        services.AddSingleton(settings)
            .AddSingleton(configuration.ReadSettings<CacheSettings>())
            .AddSingleton(catalog)
            .AddSingleton(time)
            .AddPostgres(database.Connection, settings)
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
                configuration.ReadSettings<RateLimitSettings>(),
                configuration.ReadSettings<RequestBodySettings>())
            .AddOpenApiDocument(catalog)
            .AddSingleton(provider => new ServerDescription(
                LlmRingServer.Version,
                [.. catalog.Modules.Select(module => module.Name)],
                provider.GetRequiredService<AuthenticationSettings>().ApiKeyValidationMode is ApiKeyValidationMode.Bridge));
        foreach (var module in catalog.Modules)
            services.AddModule(module, configuration);
        services.TryAddSingleton<ISessionKeys, NoSessionKeys>();
        services.TryAddSingleton<IModelPrices, NoModelPrices>();
        services.TryAddSingleton<IConversationOwnership, NoConversations>();
        services.TryAddSingleton<IConversationRepricer, NoConversationRepricer>();
        services.TryAddSingleton<IUsageTotals, NoUsageTotals>();
    }

    private void MapEndpoints(WebApplication app)
    {
        try
        {
            app.UseHttpPipeline(configuration.ReadSettings<HostSettings>().AllowedIn(arguments.Environment));
        }
        catch (InvalidOperationException) when (MappedRoute.FindDuplicates(app) is not null)
        {
            // FastEndpoints throws for some duplicates; the check below reports all of them in one wording.
        }

        if (MappedRoute.FindDuplicates(app) is { } duplicates)
        {
            throw new OperatorErrorException(
                $"Two endpoints answer {duplicates[0]}: {string.Join(" and ", duplicates.Select(route => route.Endpoint.FullName))}");
        }
    }
}
