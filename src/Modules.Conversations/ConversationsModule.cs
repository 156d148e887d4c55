using LlmRing.Modules.Conversations.Maintenance;
using LlmRing.Modules.Conversations.Pricing;
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
/// Stores conversations and their messages, and searches them. Answers without a cost are priced by <see cref="IModelPrices"/>;
/// without the Registry module they are stored unpriced. Offers <see cref="IConversationOwnership"/> and
/// <see cref="IConversationRepricer"/>.
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
            .AddSingleton<AnswerPricer>()
            .AddSingleton<AnswerRepository>()
            .AddSingleton<AnswerRepricer>()
            .AddSingleton<IConversationRepricer>(provider => provider.GetRequiredService<AnswerRepricer>())
            .AddHostedService<RepriceOnPriceChange>()
            .AddSingleton<SearchIndex>()
            .AddSingleton<SearchIndexWriter>()
            .AddHostedService<SearchIndexer>()
            .AddSingleton(new ProjectBackfill(SearchIndex.BackfillProjects))
            .AddSingleton<MessageRetention>()
            .AddSingleton<IRetentionPolicy>(provider => provider.GetRequiredService<MessageRetention>());
    }
}
