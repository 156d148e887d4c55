using Microsoft.Playwright;

namespace LlmRing.Modules.Dashboard.Tests.Pages;

/// <summary>A page in the system's Chromium, which notes every fault and every request.</summary>
internal sealed class DashboardBrowser : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly Uri _server;

    private DashboardBrowser(IBrowserContext context, IPage page, Uri server) => (_context, Page, _server) = (context, page, server);

    public IPage Page { get; }

    /// <summary>Exceptions of scripts, errors on the console (violations of the policy among them) and requests to other hosts.</summary>
    public List<string> Faults { get; } = [];

    /// <summary>The addresses of all requests.</summary>
    public List<string> Requests { get; } = [];

    /// <summary>Opens an empty page.</summary>
    public static async Task<DashboardBrowser> OpenAsync(
        IBrowser chromium, Uri server, ColorScheme theme = ColorScheme.Light, int width = 1280, string zone = "Europe/Berlin")
    {
        var context = await chromium.NewContextAsync(new()
        {
            ColorScheme = theme,
            ViewportSize = new() { Width = width, Height = 900 },
            TimezoneId = zone,
            BaseURL = server.ToString(),
        });
        var page = await context.NewPageAsync();
        var browser = new DashboardBrowser(context, page, server);
        page.Console += (_, message) => browser.Note(message);
        page.PageError += (_, error) => browser.Faults.Add(error);
        page.Request += (_, request) => browser.Note(request);
        return browser;
    }

    /// <summary>Opens an empty page and signs in with a key.</summary>
    public static async Task<DashboardBrowser> SignInAsync(
        IBrowser chromium, Uri server, string key, ColorScheme theme = ColorScheme.Light, int width = 1280, string zone = "Europe/Berlin")
    {
        var browser = await OpenAsync(chromium, server, theme, width, zone);
        await browser.Page.GotoAsync("/dashboard");
        await browser.Page.FillAsync("input[name=key]", key);
        await browser.Page.FillAsync("input[name=label]", "shop");
        await browser.Page.ClickAsync("button.primary");
        await browser.Page.WaitForSelectorAsync(".side");
        return browser;
    }

    /// <summary>Opens a page of the slot and waits until its numbers are there.</summary>
    public async Task GoAsync(string path)
    {
        await Page.GotoAsync($"/dashboard/s/shop{path}");
        await SettleAsync();
    }

    /// <summary>Waits until no card is without its data.</summary>
    public async Task SettleAsync()
    {
        await Page.WaitForSelectorAsync("main h1");
        await Page.WaitForFunctionAsync("() => document.querySelectorAll('.loading, .stale, [aria-busy=true]').length === 0");
        await Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
    }

    public ValueTask DisposeAsync() => new(_context.CloseAsync());

    private void Note(IRequest request)
    {
        Requests.Add(request.Url);
        if (new Uri(request.Url) is { Scheme: "http" or "https" } url && url.Authority != _server.Authority)
            Faults.Add($"Request to {request.Url}");
    }

    // Chromium reports each refused request, and a page that is not signed in asks who is.
    private void Note(IConsoleMessage message)
    {
        if (message.Type is "error" or "warning" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            Faults.Add(message.Text);
    }
}
