using LlmRing.Modules.Registry.Archive;
using LlmRing.Modules.Registry.Prices;
using LlmRing.Modules.Registry.Snapshot;
using LlmRing.Modules.Registry.Storage;
using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;

namespace LlmRing.Modules.Registry;

/// <summary>
/// Serves a cached copy of the public model registry, and implements <see cref="IModelPrices"/> with it and with the operator's own
/// prices. Each copy flows from the upstream through table <c>registry_documents</c> and the cache (shared by all hosts) to the
/// <see cref="RegistrySnapshot"/> in memory, the only source that requests read. Before the first copy, that is the bundled list.
/// </summary>
public sealed class RegistryModule : IModule
{
    /// <inheritdoc/>
    public string Name => "registry";

    /// <inheritdoc/>
    public string Description => "Serves a cached copy of the public model registry.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        var settings = configuration.ReadSettings<RegistrySettings>();
        services
            .AddSingleton(settings)
            .AddSingleton<RegistryRepository>()
            .AddSingleton<RegistryLoader>()
            .AddSingleton<RegistryCatalog>()
            .AddSingleton<RegistryArchive>()
            .AddSingleton<OwnPrices>()
            .AddSingleton<UnpricedModels>()
            .AddSingleton<IModelPrices, ModelPrices>()
            .AddHostedService(provider => provider.GetRequiredService<OwnPrices>())
            .AddHostedService<RegistryRefresher>()
            .AddHealthChecks()
            .AddCheck<RegistryCheck>("registry");

        if (settings.BaseUrl.IsFile)
        {
            services.AddSingleton<IRegistryUpstream, FolderUpstream>();
            return;
        }

        services.AddSingleton<IRegistryUpstream, HttpUpstream>();
        services
            .AddHttpClient(HttpUpstream.ClientName, client =>
            {
                // The resilience handler bounds each attempt and the whole request.
                client.Timeout = Timeout.InfiniteTimeSpan;
                client.MaxResponseContentBufferSize = HttpUpstream.MaxDocumentBytes;
                client.DefaultRequestHeaders.UserAgent.ParseAdd("llmring-server");
            })
            .AddStandardResilienceHandler(SetTimeouts);
    }

    private static void SetTimeouts(HttpStandardResilienceOptions options)
    {
        options.AttemptTimeout.Timeout = TimeSpan.FromSeconds(5);
        options.TotalRequestTimeout.Timeout = TimeSpan.FromSeconds(10);
        options.Retry.MaxRetryAttempts = 1;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
    }
}
