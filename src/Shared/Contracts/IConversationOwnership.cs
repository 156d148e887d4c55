using LlmRing.Shared.Scopes;

namespace LlmRing.Shared.Contracts;

/// <summary>Tells whether a scope owns a conversation. The Conversations module implements it.</summary>
public interface IConversationOwnership
{
    /// <summary>Whether a conversation exists and belongs to the scope.</summary>
    Task<bool> OwnsAsync(Scope scope, Guid conversationId, CancellationToken cancellationToken);
}
