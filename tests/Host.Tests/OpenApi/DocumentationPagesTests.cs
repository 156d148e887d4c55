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
        await Assert.That(browser.PolicyViolations).IsEmpty();
    }

    [Test]
    public async Task A_key_is_not_stored_in_the_browser()
    {
        await using var browser = await Browser.OpenAsync(new Uri(server.Server.Address, "docs"));
        var page = browser.Page;

        await page.ClickAsync(".btn.authorize");
        await page.FillAsync(".auth-container input", $"key-{Guid.NewGuid():N}");
        await page.ClickAsync(".auth-btn-wrapper .authorize");
        await page.ClickAsync(".auth-btn-wrapper .btn-done");

        await Assert.That(await page.EvaluateAsync<int>("localStorage.length + sessionStorage.length + document.cookie.length")).IsEqualTo(0);
    }

    [Test]
    [Arguments("docs", "url")]
    [Arguments("docs/index.html", "url")]
    [Arguments("docs", "configUrl")]
    [Arguments("redoc/index.html", "url")]
    [Arguments("redoc", "spec-url")]
    public async Task A_link_to_a_page_cannot_choose_another_document(string path, string parameter)
    {
        await using var browser = await Browser.OpenAsync(
            new Uri(server.Server.Address, $"{path}?{parameter}=http://127.0.0.1:1/elsewhere.json"));

        await browser.Page.GetByText(path.StartsWith("docs", StringComparison.Ordinal) ? "usage" : "/api/v1/log/batch").First.WaitForAsync();

        await Assert.That(browser.Requests).Contains(new Uri(server.Server.Address, "openapi.json").ToString());
        await Assert.That(browser.Requests.Where(url => new Uri(url).AbsolutePath == "/elsewhere.json")).IsEmpty();
    }

    [Test]
    [Arguments("/docs")]
    [Arguments("/docs/index.html")]
    [Arguments("/redoc")]
    [Arguments("/redoc/index.html")]
    public async Task A_page_runs_only_scripts_of_this_server_and_cannot_be_framed(string path)
    {
        var page = await server.ClientWithKey(null).GetAsync(path);

        var policy = page.Headers["Content-Security-Policy"];
        await Assert.That(policy).StartsWith("default-src 'none'; script-src 'self'; ").And.Contains("frame-ancestors 'none'");
        await Assert.That(page.Text).DoesNotContain("<script>");
    }

    [Test]
    [Arguments("/docs/oauth2-redirect.html")]
    [Arguments("/docs/swagger-ui.js")]
    [Arguments("/redoc/index.js")]
    public async Task Other_files_of_the_packages_are_not_served(string path)
    {
        var answer = await server.ClientWithKey(null).GetAsync(path);

        await Assert.That(answer.Status).IsEqualTo(404);
    }

    [Test]
    public async Task A_script_that_the_browser_has_is_not_sent_again()
    {
        var client = server.ClientWithKey(null);
        var first = await client.GetAsync("/redoc/redoc.standalone.js");

        var second = await client.GetAsync("/redoc/redoc.standalone.js", ("If-None-Match", first.Headers["ETag"]));

        await Assert.That(second.Status).IsEqualTo(304);
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

        /// <summary>What the page's Content-Security-Policy blocked.</summary>
        public List<string> PolicyViolations { get; } = [];

        /// <summary>The addresses of all requests.</summary>
        public List<string> Requests { get; } = [];

        public static async Task<Browser> OpenAsync(Uri address)
        {
            var playwright = await Playwright.CreateAsync();
            var browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable(), Args = ["--no-sandbox"] });
            var page = await browser.NewPageAsync();
            var opened = new Browser(playwright, browser, page);
            page.Console += (_, message) => opened.NoteViolation(message.Text);
            page.Request += (_, request) => opened.Requests.Add(request.Url);
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

        private void NoteViolation(string message)
        {
            if (message.Contains("Content Security Policy", StringComparison.Ordinal))
                PolicyViolations.Add(message);
        }

        private static string Executable() => (
            from folder in Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
            from name in (string[])["chromium", "chromium-browser", "google-chrome"]
            select Path.Combine(folder, name)).First(File.Exists);
    }
}
