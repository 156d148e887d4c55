using LlmRing.Modules.Conversations.Maintenance;
using LlmRing.Modules.Conversations.Search;
using LlmRing.Modules.Conversations.Storage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Conversations;

/// <summary>
/// Stores conversations and their messages, and searches them. Offers <see cref="IConversationOwnership"/> to other modules
/// and needs none of them.
/// </summary>
public sealed class ConversationsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "conversations";

    /// <inheritdoc/>
    public string Description => "Stores conversations and their messages, and searches them.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.ReadSettings<ConversationSettings>())
            .AddSingleton<ConversationRepository>()
            .AddSingleton<IConversationOwnership>(provider => provider.GetRequiredService<ConversationRepository>())
            .AddSingleton<MessageWriter>()
            .AddSingleton<ConversationBatchWriter>()
            .AddHostedService(provider => provider.GetRequiredService<ConversationBatchWriter>())
            .AddSingleton<SearchIndex>()
            .AddHostedService<SearchIndexer>()
            .AddSingleton(new ProjectBackfill(SearchIndex.BackfillProjects))
            .AddSingleton<MessageRetention>()
            .AddSingleton<IRetentionPolicy>(provider => provider.GetRequiredService<MessageRetention>());
    }
}
