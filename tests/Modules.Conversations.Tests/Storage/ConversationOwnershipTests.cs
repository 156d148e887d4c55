using LlmRing.Shared.Contracts;
using LlmRing.Shared.Scopes;
using LlmRing.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Conversations.Tests.Storage;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class ConversationOwnershipTests(ServerFixture server)
{
    [Test]
    public async Task Other_modules_can_ask_whether_a_scope_owns_a_conversation()
    {
        using var client = server.NewClient();
        var id = Guid.Parse(await client.NewConversationAsync());
        var ownership = server.Server.Services.GetRequiredService<IConversationOwnership>();

        await Assert.That(await ownership.OwnsAsync(Scope.OfApiKey(client.Key!), id, CancellationToken.None)).IsTrue();
        await Assert.That(await ownership.OwnsAsync(Scope.OfApiKey("another"), id, CancellationToken.None)).IsFalse();
        await Assert.That(await ownership.OwnsAsync(Scope.OfApiKey(client.Key!), Guid.NewGuid(), CancellationToken.None)).IsFalse();
    }
}
