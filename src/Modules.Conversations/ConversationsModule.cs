using LlmRing.Modules.Conversations.LogConversation;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Conversations;

/// <summary>
/// Stores conversations and their messages, and finds them again. Tells other modules whose a conversation is
/// (<see cref="IConversationOwnership"/>); needs none of them.
/// </summary>
public sealed class ConversationsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "conversations";

    /// <inheritdoc/>
    public string Description => "Stores conversations and their messages, and finds them again.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton(configuration.ReadSettings<ConversationSettings>())
            .AddSingleton<ConversationRepository>()
            .AddSingleton<MessageWriter>()
            .AddSingleton<IRetentionPolicy, MessageRetention>()
            .AddSingleton<LogWriter>()
            .AddHostedService(provider => provider.GetRequiredService<LogWriter>())
            .AddSingleton<SearchIndex>()
            .AddSingleton(new ProjectBackfill(SearchIndex.FillProjects))
            .AddHostedService<SearchIndexing>()
            .AddSingleton<IConversationOwnership>(provider => provider.GetRequiredService<ConversationRepository>());
    }
}
