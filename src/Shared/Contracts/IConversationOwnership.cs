using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>Whose a conversation is. The Conversations module answers; without it nobody owns any.</summary>
public interface IConversationOwnership
{
    /// <summary>Whether a conversation exists and belongs to the scope.</summary>
    Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken);
}

/// <summary>Stands in while the Conversations module is off.</summary>
public sealed class NoConversations : IConversationOwnership
{
    /// <inheritdoc/>
    public Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken) => Task.FromResult(false);
}
