using LlmRing.Testing;

namespace LlmRing.Modules.Dashboard.Tests;

/// <summary>A browser's session without a browser: a client that keeps the cookie and names a slot, as the pages do.</summary>
internal sealed class DashboardSession : IDisposable
{
    private const string SlotHeader = "X-LLMRing-Dashboard";

    private readonly ApiClient _client;

    private DashboardSession(ApiClient client) => _client = client;

    /// <summary>The cookie as the browser sends it.</summary>
    public string Cookie { get; private set; } = "";

    /// <summary>The slot of the key that signed in last.</summary>
    public string Slot { get; private set; } = "";

    /// <summary>The answer to the last sign-in.</summary>
    public ApiResponse SignedIn { get; private set; } = null!;

    /// <summary>Signs a new browser in.</summary>
    public static async Task<DashboardSession> StartAsync(Uri server, string key, string? label = null)
    {
        var session = new DashboardSession(new ApiClient(server, null));
        await session.AddAsync(key, label);
        return session;
    }

    /// <summary>Adds a key to the session.</summary>
    public async Task AddAsync(string key, string? label = null)
    {
        SignedIn = await _client.PostAsync("/dashboard/session", new { label }, ("X-API-Key", key), (SlotHeader, "*"));
        await Assert.That(SignedIn.Status).IsEqualTo(200).Because(SignedIn.Text);
        Slot = (string)SignedIn["slot"]!;
        Cookie = SignedIn.Headers["Set-Cookie"].Split(';')[0];
    }

    public Task<ApiResponse> GetAsync(string path, string? slot = null) => _client.GetAsync(path, (SlotHeader, slot ?? Slot));

    public Task<ApiResponse> SendAsync(HttpMethod method, string path, object? body = null) =>
        _client.SendAsync(method, path, body, (SlotHeader, Slot));

    /// <summary>Sends the cookie without the header that makes it count.</summary>
    public Task<ApiResponse> GetWithoutHeaderAsync(string path, params (string Name, string Value)[] headers) => _client.GetAsync(path, headers);

    public void Dispose() => _client.Dispose();
}
