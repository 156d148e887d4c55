using System.Globalization;
using System.Text.Json.Nodes;
using LlmRing.Testing;
using Microsoft.Playwright;

namespace LlmRing.Modules.Dashboard.Tests.Pages;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
[ParallelLimiter<BrowserLimit>]
public sealed class PageTests(ServerFixture server)
{
    // Each hostile text would set window.hacked if any page took it for markup.
    private const string Hostile = "<img src=x onerror=\"window.hacked=1\">";

    [ClassDataSource<ChromiumFixture>(Shared = SharedType.PerTestSession)]
    public required ChromiumFixture Chromium { get; init; }

    private Uri Address => server.Server.Address;

    [Test]
    public async Task Nobody_is_signed_in_at_first_and_a_key_and_Enter_are_enough()
    {
        using var client = server.NewClient();
        await LogAsync(client);
        await using var browser = await DashboardBrowser.OpenAsync(Chromium.Browser, Address);
        await browser.Page.GotoAsync("/dashboard/s/shop/usage?range=7d");
        await browser.Page.WaitForSelectorAsync("input[name=key]:focus");

        await browser.Page.Keyboard.TypeAsync(client.Key!);
        await browser.Page.Keyboard.PressAsync("Enter");

        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Usage");
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Assert.That(browser.Page.Url).EndsWith("/dashboard/s/shop/usage?range=7d");
        await Assert.That(await browser.Page.EvaluateAsync<string>("document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })"))
            .DoesNotContain(client.Key!);
    }

    [Test]
    public async Task Signing_out_returns_to_the_form()
    {
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, $"key-{Guid.NewGuid():N}");

        await browser.Page.ClickAsync("text=Sign out");

        await browser.Page.WaitForSelectorAsync("input[name=key]");
        await browser.Page.GotoAsync("/dashboard/s/shop");
        await browser.Page.WaitForSelectorAsync("input[name=key]");
    }

    [Test]
    public async Task The_first_usage_turns_the_first_run_into_the_overview()
    {
        using var client = server.NewClient();
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Nothing logged yet");
        await Assertions.Expect(browser.Page.Locator("pre").First).ToContainTextAsync($"curl {Address.GetLeftPart(UriPartial.Authority)}/api/v1/log");

        await LogAsync(client);

        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Overview", new() { Timeout = 20_000 });
        await Assert.That(browser.Faults).IsEmpty();
    }

    [Test]
    [Arguments("UTC")]
    [Arguments("Asia/Kolkata")]
    [Arguments("America/Los_Angeles")]
    [Arguments("Europe/Berlin")]
    public async Task The_numbers_of_the_overview_are_those_of_the_statistics(string zone)
    {
        using var client = server.NewClient();
        // Over the end of summer time in Berlin, with costs whose sum no binary fraction holds.
        for (var hour = 0; hour < 60; hour++)
        {
            await LogAsync(
                client,
                cost: 0.1000000000000000000001m + hour * 7.5e-8m,
                timestamp: new DateTimeOffset(2026, 10, 24, 0, 30, 0, TimeSpan.Zero).AddHours(hour),
                alias: $"alias-{hour % 9}");
        }

        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!, zone: zone);
        await browser.GoAsync("/?start_date=2026-10-20&end_date=2026-10-31&by=alias");

        var stats = await client.GetAsync($"/api/v1/stats?start_date=2026-10-20&end_date=2026-10-31&timezone={Uri.EscapeDataString(zone)}");
        var total = decimal.Parse((string)stats["summary"]!["total_cost"]!, CultureInfo.InvariantCulture);
        var columns = await ValuesAsync(browser.Page, "[data-total]", "data-total");
        var tile = await browser.Page.Locator(".kpi .v").First.GetAttributeAsync("data-value");
        var days = stats["by_day"]!.AsArray().ToDictionary(day => (string)day!["date"]!, day => Decimal((string)day!["cost"]!));
        await Assert.That(columns.Count).IsEqualTo(12);
        await Assert.That(columns.Sum()).IsEqualTo(total);
        await Assert.That(Decimal(tile!)).IsEqualTo(total);
        await Assert.That(columns).IsEquivalentTo(
            Enumerable.Range(20, 12).Select(day => days.GetValueOrDefault($"2026-10-{day}")));
        var spenders = await ValuesAsync(browser.Page, "[data-cost]", "data-cost");
        await Assert.That(spenders.Count).IsEqualTo(8);
        await Assert.That(spenders.All(stats["by_alias"]!.AsObject().Select(alias => Decimal((string)alias.Value!["cost"]!)).Contains)).IsTrue();
    }

    [Test]
    public async Task The_total_above_the_rows_is_that_of_the_statistics_with_the_same_filters()
    {
        using var client = server.NewClient();
        await LogAsync(client, cost: 0.1m, alias: "a");
        await LogAsync(client, cost: 0.2m, alias: "b");
        await LogAsync(client, cost: 0.4m, alias: "c");
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);

        await browser.GoAsync("/usage?alias=a&alias=b");

        await Assert.That(await ValuesAsync(browser.Page, "[data-total]", "data-total")).IsEquivalentTo([0.3m]);
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(2);
        await Assertions.Expect(browser.Page.Locator(".chip")).ToContainTextAsync("a, b");
    }

    [Test]
    public async Task A_filter_that_is_added_stands_in_the_address_and_goes_along_to_other_pages()
    {
        using var client = server.NewClient();
        await LogAsync(client, alias: "a");
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await browser.GoAsync("/");

        await browser.Page.SelectOptionAsync("[aria-label='Add a filter']", "alias");
        // The field takes the keyboard without a click.
        await Assertions.Expect(browser.Page.Locator("form.adding input")).ToBeFocusedAsync();
        await browser.Page.Keyboard.TypeAsync("a");
        await browser.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(browser.Page.Locator(".chip")).ToContainTextAsync("Alias: a");
        await browser.Page.ClickAsync("nav >> text=Usage");

        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Usage");
        await Assert.That(browser.Page.Url).EndsWith("/usage?alias=a");
        await browser.Page.GoBackAsync();
        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Overview");
        await Assertions.Expect(browser.Page.Locator(".chip")).ToContainTextAsync("Alias: a");
    }

    [Test]
    public async Task A_row_shows_why_it_cost_what_it_cost()
    {
        using var client = server.NewClient();
        var logged = await client.PostAsync("/api/v1/log", new
        {
            provider = "openai", model = "gpt-4.1", input_tokens = 1000, cached_input_tokens = 400, output_tokens = 100, alias = "fast",
        });
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await browser.GoAsync("/usage");

        await browser.Page.ClickAsync("tbody a");

        var dialog = browser.Page.Locator("dialog[open]");
        await Assertions.Expect(dialog.Locator("tbody tr")).ToHaveCountAsync(3);
        await Assertions.Expect(dialog).ToContainTextAsync("1,000 tokens, of which 400 cached");
        var parts = (await client.GetAsync($"/api/v1/logs/{(string)logged["log_id"]!}"))["cost_breakdown"]!.AsArray();
        var shown = await ValuesAsync(browser.Page, "dialog tbody td:last-child", "title");
        await Assert.That(shown).IsEquivalentTo(parts.Select(part => (decimal)part!["cost"]!));
        await browser.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(dialog).ToHaveCountAsync(0);
        await Assert.That(browser.Page.Url).EndsWith("/usage");
    }

    [Test]
    public async Task A_cost_of_nothing_for_want_of_a_price_is_called_no_price()
    {
        using var client = server.NewClient();
        await client.PostAsync("/api/v1/log", new { provider = "acme", model = "acme-large", input_tokens = 1, output_tokens = 1 });
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);

        await browser.GoAsync("/usage");

        await Assertions.Expect(browser.Page.Locator("tbody td").Last).ToHaveTextAsync("no price");
    }

    [Test]
    [Arguments("/")]
    [Arguments("/?by=alias&view=table")]
    [Arguments("/usage")]
    [Arguments("/usage?row=ROW")]
    [Arguments("/conversations")]
    [Arguments("/conversations?q=onerror")]
    [Arguments("/conversations/CONVERSATION")]
    [Arguments("/templates")]
    [Arguments("/templates/TEMPLATE")]
    [Arguments("/models")]
    [Arguments("/mcp")]
    [Arguments("/mcp/SERVER?tool=TOOL")]
    public async Task Hostile_text_is_shown_as_text_and_no_page_has_a_fault(string path)
    {
        using var client = server.NewClient();
        foreach (var (name, id) in await StoreHostileAsync(client))
            path = path.Replace(name, id, StringComparison.Ordinal);

        foreach (var theme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            foreach (var width in (int[])[1440, 390])
            {
                await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!, theme, width);
                await browser.GoAsync(path);

                var overflow = await browser.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth");
                await Assert.That(browser.Faults).IsEmpty();
                await Assert.That(overflow).IsLessThanOrEqualTo(0).Because($"{path} scrolls sideways at {width} px");
                await Assert.That(await browser.Page.EvaluateAsync<bool>("'hacked' in window")).IsFalse();
                await Assert.That(await browser.Page.Locator("main img, main script, main iframe").CountAsync()).IsEqualTo(0);
                if (!path.StartsWith("/models", StringComparison.Ordinal))
                    await Assert.That(await browser.Page.Locator("main").InnerTextAsync()).Contains("onerror");
            }
        }
    }

    [Test]
    public async Task The_overview_needs_at_most_twelve_files_and_100_KB_besides_data()
    {
        using var client = server.NewClient();
        await LogAsync(client);
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        var files = new List<IRequest>();
        browser.Page.RequestFinished += (_, request) =>
        {
            if (new Uri(request.Url).AbsolutePath is not "/dashboard/session" && !request.Url.Contains("/api/", StringComparison.Ordinal))
                files.Add(request);
        };

        await browser.GoAsync("/");

        var sizes = await Task.WhenAll(files.Select(file => file.SizesAsync()));
        await Assert.That(files.Count).IsLessThanOrEqualTo(12).And.IsGreaterThan(3);
        await Assert.That(sizes.Sum(size => size.ResponseBodySize)).IsLessThanOrEqualTo(100_000);
    }

    [Test]
    [Arguments(503, "The database is not reachable")]
    [Arguments(429, "Too many requests")]
    [Arguments(500, "Internal Server Error")]
    public async Task A_request_that_fails_says_why_in_its_card_and_can_be_repeated(int status, string detail)
    {
        using var client = server.NewClient();
        await LogAsync(client);
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await browser.Page.RouteAsync("**/api/v1/logs?**", route => route.FulfillAsync(new()
        {
            Status = status,
            ContentType = "application/json",
            Headers = new Dictionary<string, string> { ["Retry-After"] = "600" },
            Body = new JsonObject { ["detail"] = detail }.ToJsonString(),
        }));
        await browser.Page.GotoAsync("/dashboard/s/shop/usage");
        await Assertions.Expect(browser.Page.Locator(".failure")).ToContainTextAsync(detail);
        if (status != 500)
            await Assertions.Expect(browser.Page.Locator(".failure")).ToContainTextAsync("again in 600 s");

        await browser.Page.UnrouteAllAsync();
        await browser.Page.ClickAsync("text=Try again");

        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(browser.Page.Locator(".failure")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task Without_a_connection_the_last_numbers_stay_and_the_page_says_so()
    {
        using var client = server.NewClient();
        await LogAsync(client);
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await browser.GoAsync("/usage");
        await browser.Page.Context.SetOfflineAsync(true);

        await browser.Page.ClickAsync("text=7 d");

        await Assertions.Expect(browser.Page.Locator(".failure")).ToContainTextAsync("The server does not answer");
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(1);
    }

    [Test]
    public async Task A_session_that_ends_while_a_page_is_open_leads_to_the_form_and_back_to_the_page()
    {
        using var client = server.NewClient();
        await LogAsync(client);
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!);
        await browser.GoAsync("/usage?range=7d");
        await browser.Page.EvaluateAsync("fetch('/dashboard/session', { method: 'DELETE', headers: { 'X-LLMRing-Dashboard': '*' } })");
        await browser.Page.ClickAsync("nav >> text=Overview");
        await browser.Page.WaitForSelectorAsync("input[name=key]");

        await browser.Page.FillAsync("input[name=key]", client.Key!);
        await browser.Page.Keyboard.PressAsync("Enter");

        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Overview");
        await Assert.That(browser.Page.Url).EndsWith("/dashboard/s/shop?range=7d");
    }

    [Test]
    public async Task Pages_of_modules_that_are_off_are_not_in_the_menu()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "usage,dashboard"));
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, own.Address, "a-key");

        await Assert.That(await browser.Page.Locator("nav a").AllInnerTextsAsync()).IsEquivalentTo(["Overview", "Usage"]);
    }

    [Test]
    public async Task A_module_of_a_folder_brings_its_own_page()
    {
        using var folder = new ModuleFolder("samples/Modules.Budgets");
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES_PATH", folder.Path));
        using var client = new ApiClient(own.Address, $"key-{Guid.NewGuid():N}");
        await LogAsync(client, cost: 7.5m);
        await client.PutAsync("/api/v1/budgets", new { limit = 10 });
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, own.Address, client.Key!);

        await browser.Page.ClickAsync("nav >> text=Budgets");

        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToContainTextAsync("All usage");
        await Assert.That(await ValuesAsync(browser.Page, "tbody td[title]", "title")).IsEquivalentTo([7.5m, 10m]);
        await Assert.That(browser.Faults).IsEmpty();
    }

    [Test]
    public async Task A_chart_is_walked_through_by_keyboard_and_Enter_opens_a_day()
    {
        using var client = server.NewClient();
        await LogAsync(client, timestamp: DateTimeOffset.UtcNow.AddDays(-1));
        await using var browser = await DashboardBrowser.SignInAsync(Chromium.Browser, Address, client.Key!, zone: "UTC");
        await browser.GoAsync("/?range=7d");
        var yesterday = DateTime.UtcNow.AddDays(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

        await browser.Page.Locator(".plot .col[tabindex='0']").First.FocusAsync();
        await browser.Page.Keyboard.PressAsync("Home");
        await browser.Page.Keyboard.PressAsync("End");
        await browser.Page.Keyboard.PressAsync("ArrowLeft");
        await Assertions.Expect(browser.Page.Locator(".col:focus")).ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("gpt-4.1"));
        await browser.Page.Keyboard.PressAsync("Enter");

        await Assertions.Expect(browser.Page.Locator("h1")).ToHaveTextAsync("Usage");
        await Assert.That(browser.Page.Url).Contains($"start_date={yesterday}&end_date={yesterday}");
        await Assertions.Expect(browser.Page.Locator("tbody tr")).ToHaveCountAsync(1);
    }

    private static async Task LogAsync(
        ApiClient client, decimal? cost = null, DateTimeOffset? timestamp = null, string? alias = "fast")
    {
        var answer = await client.PostAsync("/api/v1/log", new
        {
            provider = "openai",
            model = "gpt-4.1",
            input_tokens = 1000,
            output_tokens = 100,
            latency_ms = 640,
            cost,
            timestamp = timestamp ?? DateTimeOffset.UtcNow,
            alias,
        });
        await Assert.That(answer.Status).IsEqualTo(200).Because(answer.Text);
    }

    /// <returns>Placeholders of paths, with the ids that they stand for.</returns>
    private static async Task<IReadOnlyList<(string Name, string Id)>> StoreHostileAsync(ApiClient client)
    {
        var log = await client.PostAsync("/api/v1/log", new
        {
            provider = "openai", model = $"m{Hostile}", alias = Hostile, origin = $"\"><script>window.hacked=1</script>\u202e\u2028{new string('w', 200)}",
            profile = "p", input_tokens = 1, output_tokens = 1, id_at_origin = Hostile, metadata = new { text = Hostile },
        });
        var conversation = await client.PostAsync("/api/v1/conversations", new { title = Hostile, model_alias = Hostile, system_prompt = Hostile });
        await client.PostAsync($"/api/v1/conversations/{(string)conversation["id"]!}/messages/batch", new
        {
            messages = new object[]
            {
                new { role = "user", content = $"{Hostile} [x](javascript:window.hacked=1) ![x](http://127.0.0.1:1/x.png)" },
                new { role = "assistant", content = $"```\n{Hostile}\n```", tool_calls = new[] { new { function = new { name = Hostile, arguments = Hostile } } } },
                new { role = "tool", content = Hostile, name = Hostile },
            },
        });
        var template = await client.PostAsync("/api/v1/templates", new { name = Hostile, description = Hostile, system_prompt = Hostile, created_by = Hostile });
        var mcp = await client.PostAsync("/api/v1/mcp/servers", new { name = Hostile, url = "https://example.org/mcp", transport_type = "http" });
        var tools = await client.PostAsync($"/api/v1/mcp/servers/{(string)mcp["id"]!}/refresh", new
        {
            tools = new[] { new { name = Hostile, description = Hostile, inputSchema = new { type = "object", title = Hostile } } },
        });
        var tool = (string)tools["tools"]![0]!["id"]!;
        await client.PostAsync($"/api/v1/mcp/tools/{tool}/execute", new { input = new { a = Hostile }, error = Hostile, duration_ms = 1 });
        return
        [
            ("ROW", (string)log["log_id"]!), ("CONVERSATION", (string)conversation["id"]!), ("TEMPLATE", (string)template["id"]!),
            ("SERVER", (string)mcp["id"]!), ("TOOL", tool),
        ];
    }

    private static async Task<IReadOnlyList<decimal>> ValuesAsync(IPage page, string selector, string attribute) =>
    [
        .. (await page.Locator(selector).EvaluateAllAsync<string[]>(
            $"elements => elements.map(element => element.getAttribute('{attribute}'))")).Select(Decimal),
    ];

    private static decimal Decimal(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);
}
