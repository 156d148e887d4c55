using LlmRing.Shared.Modules;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Conversations;

/// <summary>Stores conversations and their messages.</summary>
public sealed class ConversationsModule : IModule
{
    /// <inheritdoc/>
    public string Name => "conversations";

    /// <inheritdoc/>
    public string Description => "Stores conversations and their messages.";

    /// <inheritdoc/>
    public void AddServices(IServiceCollection services, IConfiguration configuration)
    {
    }
}
