using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>Tells whether a scope owns a conversation. The Conversations module implements it.</summary>
public interface IConversationOwnership
{
    /// <summary>Whether a conversation exists and belongs to the scope.</summary>
    Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken);
}

/// <summary>The implementation without the Conversations module: no scope owns a conversation.</summary>
public sealed class NoConversations : IConversationOwnership
{
    /// <inheritdoc/>
    public Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken) => Task.FromResult(false);
}
