using LlmRing.Testing;
using Microsoft.Playwright;

namespace LlmRing.Host.Tests.OpenApi;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class DocumentationPagesTests(ServerFixture server)
{
    [Test]
    public async Task A_call_can_be_tried_on_the_page()
    {
        await using var browser = await Browser.OpenAsync(new Uri(server.Server.Address, "docs"));
        var page = browser.Page;

        await page.ClickAsync(".btn.authorize");
        await page.FillAsync(".auth-container input", $"key-{Guid.NewGuid():N}");
        await page.ClickAsync(".auth-btn-wrapper .authorize");
        await page.ClickAsync(".auth-btn-wrapper .btn-done");
        await page.ClickAsync("#operations-tag-usage");
        await page.ClickAsync("#operations-usage-logUsage .opblock-summary-control");
        await page.ClickAsync("#operations-usage-logUsage .try-out__btn");
        await page.ClickAsync("#operations-usage-logUsage .execute");
        var answer = page.Locator("#operations-usage-logUsage .live-responses-table .response");

        await Assert.That(await answer.Locator(".response-col_status").InnerTextAsync()).Contains("200");
        await Assert.That(await answer.InnerTextAsync()).Contains("log_id");
        await Assert.That(browser.Faults).IsEmpty();
    }

    [Test]
    public async Task The_reference_shows_the_operations()
    {
        await using var browser = await Browser.OpenAsync(new Uri(server.Server.Address, "redoc"));

        await browser.Page.GetByText("/api/v1/log/batch").First.WaitForAsync();

        await Assert.That(browser.Faults).IsEmpty();
    }

    /// <summary>A page in the system's Chromium, which must load everything it needs from the server that it comes from.</summary>
    private sealed class Browser(IPlaywright playwright, IBrowser browser, IPage page) : IAsyncDisposable
    {
        public IPage Page => page;

        /// <summary>What went wrong on the page, and what it asked others for.</summary>
        public List<string> Faults { get; } = [];

        public static async Task<Browser> OpenAsync(Uri address)
        {
            var playwright = await Playwright.CreateAsync();
            var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable(), Args = ["--no-sandbox"] });
            var page = await browser.NewPageAsync();
            var opened = new Browser(playwright, browser, page);
            page.PageError += (_, error) => opened.Faults.Add(error);
            page.RequestFailed += (_, request) => opened.Note(request, address);
            page.RequestFinished += (_, request) => opened.Note(request, address);
            await page.GotoAsync(address.ToString());
            return opened;
        }

        public async ValueTask DisposeAsync()
        {
            await browser.DisposeAsync();
            playwright.Dispose();
        }

        // What the page's own policy forbids has not left the browser.
        private void Note(IRequest request, Uri address)
        {
            if (new Uri(request.Url) is { Scheme: "http" or "https" } url && url.Authority != address.Authority && request.Failure is not "csp")
                Faults.Add($"{request.Url} {request.Failure}");
        }

        private static string Executable() => (
            from folder in Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
            from name in (string[])["chromium", "chromium-browser", "google-chrome"]
            select Path.Combine(folder, name)).First(File.Exists);
    }
}
