using LlmRing.Modules.Dashboard.Files;
using LlmRing.Modules.Dashboard.Sessions;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Modules;
using LlmRing.Shared.Scopes;

namespace LlmRing.Modules.Dashboard.Responses;

/// <summary>Makes the answer to a browser that has signed in.</summary>
internal sealed class SessionResponseFactory(ServerDescription server, IEnumerable<DashboardPage> pages, DashboardFiles files)
{
    // Fewer characters would be a large part of a short key.
    private const int ShortestKeyWithEnding = 12;

    private readonly List<PageEntry> _pages =
    [
        .. pages.Select(page => new PageEntry(page.Name, page.Title, $"/dashboard/files/{files.Version}/{DashboardFiles.PathOf(page)}")),
    ];

    /// <param name="scope">The scope of the request.</param>
    /// <param name="current">The key that the request means; null: a proxy has signed the user in.</param>
    /// <param name="keys">All keys of the session.</param>
    public SessionResponse Create(Scope scope, SessionKey? current, IReadOnlyList<SessionKey> keys) => new()
    {
        Slot = current?.Slot,
        Label = current?.Label,
        KeyEnding = current?.Key is { Length: >= ShortestKeyWithEnding } key ? key[^4..] : null,
        ProjectId = scope.ProjectId,
        AcceptsAnyKey = server.AcceptsAnyKey,
        Version = server.Version,
        Modules = server.Modules,
        Pages = _pages,
        Slots = [.. keys.Select(held => new SlotEntry(held.Slot, held.Label))],
    };
}

/// <summary>The session of a browser, as its pages need it.</summary>
internal sealed record SessionResponse
{
    /// <summary>The name of the key in addresses; null: a proxy has signed the user in.</summary>
    public string? Slot { get; init; }

    /// <summary>The name of the key on the page.</summary>
    public string? Label { get; init; }

    /// <summary>The last four characters of the key; null where the key is short.</summary>
    public string? KeyEnding { get; init; }

    public Guid? ProjectId { get; init; }

    /// <summary>Whether every text is a key, so that a mistyped one is an empty project.</summary>
    public bool AcceptsAnyKey { get; init; }

    public required string Version { get; init; }
    public required IReadOnlyList<string> Modules { get; init; }

    /// <summary>The pages that modules add.</summary>
    public required IReadOnlyList<PageEntry> Pages { get; init; }

    /// <summary>All keys of the session.</summary>
    public required IReadOnlyList<SlotEntry> Slots { get; init; }
}

/// <param name="Name">The page's place in the address.</param>
/// <param name="Title">Its name in the menu.</param>
/// <param name="Script">The address of its ES module.</param>
internal sealed record PageEntry(string Name, string Title, string Script);

/// <param name="Slot">The name of a key in addresses.</param>
/// <param name="Label">Its name on the page.</param>
internal sealed record SlotEntry(string Slot, string Label);
