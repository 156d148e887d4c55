using LlmRing.Modules.Registry.Upstream;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;

namespace LlmRing.Modules.Registry;

/// <summary>
/// Serves a cached copy of the public model registry, and offers <see cref="IModelPrices"/> from it.
/// The way of a copy: upstream → table <c>registry_documents</c> → cache (shared by all hosts) →
/// <see cref="RegistrySnapshot"/> in memory, which is all that requests read.
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
            .AddSingleton<IModelPrices, ModelPrices>()
            .AddHostedService<RegistryRefresher>();

        if (settings.BaseUrl.IsFile)
        {
            services.AddSingleton<IRegistryUpstream, FolderUpstream>();
            return;
        }

        services.AddSingleton<IRegistryUpstream, HttpUpstream>();
        services
            .AddHttpClient(HttpUpstream.ClientName, client =>
            {
                client.Timeout = Timeout.InfiniteTimeSpan;
                client.MaxResponseContentBufferSize = HttpUpstream.MaxDocumentBytes;
                client.DefaultRequestHeaders.UserAgent.ParseAdd("llmring-server");
            })
            .AddStandardResilienceHandler(Bound);
    }

    private static void Bound(HttpStandardResilienceOptions options)
    {
        options.AttemptTimeout.Timeout = TimeSpan.FromSeconds(5);
        options.TotalRequestTimeout.Timeout = TimeSpan.FromSeconds(10);
        options.Retry.MaxRetryAttempts = 1;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
    }
}
