using Microsoft.Playwright;
using TUnit.Core.Interfaces;

namespace LlmRing.Modules.Dashboard.Tests.Pages;

/// <summary>The system's Chromium, started once for all tests of pages.</summary>
public sealed class ChromiumFixture : IAsyncInitializer, IAsyncDisposable
{
    private IPlaywright? _playwright;

    public IBrowser Browser { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _playwright = await Playwright.CreateAsync();
        Browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable(), Args = ["--no-sandbox"] });
    }

    public async ValueTask DisposeAsync()
    {
        await Browser.DisposeAsync();
        _playwright?.Dispose();
    }

    private static string Executable() => (
        from folder in Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
        from name in (string[])["chromium", "chromium-browser", "google-chrome"]
        select Path.Combine(folder, name)).First(File.Exists);
}

/// <summary>How many tests of pages run at once: more tabs only slow one another down.</summary>
public sealed record BrowserLimit : IParallelLimit
{
    public int Limit => 2;
}
