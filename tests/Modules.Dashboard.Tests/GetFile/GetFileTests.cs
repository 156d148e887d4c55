using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Modules.Dashboard.Tests.GetFile;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed partial class GetFileTests(ServerFixture server)
{
    private static readonly string Pages = Path.Combine(Repository.Root, "src", "Modules.Dashboard", "Pages");

    [Test]
    [Arguments("/dashboard")]
    [Arguments("/dashboard/")]
    [Arguments("/dashboard/s/shop/usage?range=7d")]
    public async Task Every_page_is_the_same_document_under_a_strict_policy(string path)
    {
        var answer = await server.ClientWithKey(null).GetAsync(path);

        var policy = answer.Headers["Content-Security-Policy"];
        await Assert.That(answer.Status).IsEqualTo(200);
        await Assert.That(policy).StartsWith("default-src 'none'; script-src 'self'; style-src 'self'; ")
            .And.Contains("frame-ancestors 'none'")
            .And.EndsWith("require-trusted-types-for 'script'; trusted-types 'none'");
        await Assert.That(policy).DoesNotContain("unsafe");
        await Assert.That(answer.Headers["X-Content-Type-Options"]).IsEqualTo("nosniff");
        await Assert.That(answer.Headers["Cross-Origin-Opener-Policy"]).IsEqualTo("same-origin");
        await Assert.That(answer.Headers["Cache-Control"]).IsEqualTo("no-cache");
        await Assert.That(answer.Text).DoesNotContain("<script>").And.DoesNotContain("style=");
    }

    [Test]
    public async Task A_file_keeps_its_address_for_as_long_as_its_content_and_is_cached_for_ever()
    {
        var client = server.ClientWithKey(null);
        var address = await AddressOfAsync("app.js");

        var file = await client.GetAsync(address);
        var again = await client.GetAsync(address, ("If-None-Match", file.Headers["ETag"]));

        await Assert.That(file.Text).IsEqualTo(await File.ReadAllTextAsync(Path.Combine(Pages, "app.js")));
        await Assert.That(file.Headers["Content-Type"]).IsEqualTo("text/javascript; charset=utf-8");
        await Assert.That(file.Headers["Cache-Control"]).IsEqualTo("public, max-age=31536000, immutable");
        await Assert.That(again.Status).IsEqualTo(304);
    }

    [Test]
    [Arguments("br")]
    [Arguments("gzip")]
    public async Task Files_are_compressed_for_browsers_that_accept_it(string coding)
    {
        using var http = new HttpClient { BaseAddress = server.Server.Address };
        using var request = new HttpRequestMessage(HttpMethod.Get, await AddressOfAsync("style.css"));
        request.Headers.Add("Accept-Encoding", coding);

        using var response = await http.SendAsync(request);

        var body = await response.Content.ReadAsStreamAsync();
        await using Stream plain = coding == "br"
            ? new BrotliStream(body, CompressionMode.Decompress)
            : new GZipStream(body, CompressionMode.Decompress);
        using var reader = new StreamReader(plain, Encoding.UTF8);
        await Assert.That(string.Concat(response.Content.Headers.ContentEncoding)).IsEqualTo(coding);
        await Assert.That(response.Headers.Vary).Contains("Accept-Encoding");
        await Assert.That(await reader.ReadToEndAsync()).IsEqualTo(await File.ReadAllTextAsync(Path.Combine(Pages, "style.css")));
    }

    [Test]
    [Arguments("/dashboard/files/0000000000000000/app.js")]
    [Arguments("/dashboard/files/app.js")]
    [Arguments("/dashboard/files/..%2F..%2Fappsettings.json")]
    public async Task A_file_that_does_not_exist_is_404(string path)
    {
        await Assert.That((await server.ClientWithKey(null).GetAsync(path)).Status).IsEqualTo(404);
    }

    [Test]
    public async Task The_vendored_libraries_are_those_that_SHA256SUMS_names()
    {
        var vendor = Path.Combine(Pages, "vendor");
        var sums = (await File.ReadAllLinesAsync(Path.Combine(vendor, "SHA256SUMS")))
            .ToDictionary(line => Path.GetFileName(line[66..]), line => line[..64]);

        var files = Directory.GetFiles(vendor).Where(file => Path.GetFileName(file) != "SHA256SUMS").ToList();

        await Assert.That(files.Select(file => Path.GetFileName(file))).IsEquivalentTo(sums.Keys);
        foreach (var file in files)
            await Assert.That(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(file)))).IsEqualTo(sums[Path.GetFileName(file)]);
    }

    [Test]
    public async Task No_script_turns_text_into_markup()
    {
        var scripts = Directory.GetFiles(Pages, "*.js");

        await Assert.That(scripts.Length).IsGreaterThan(8);
        foreach (var script in scripts)
            await Assert.That(Markup().Match(await File.ReadAllTextAsync(script)).Value).IsEqualTo("").Because(script);
    }

    [Test]
    public async Task A_browser_that_opens_the_server_comes_to_the_dashboard()
    {
        var answer = await server.ClientWithKey(null).GetAsync(
            "/", ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));

        await Assert.That((answer.Status, answer.Headers["Location"])).IsEqualTo((302, "/dashboard"));
        await Assert.That(answer.Headers["Vary"]).Contains("Accept");
    }

    [Test]
    [Arguments("*/*")]
    [Arguments("application/json")]
    [Arguments("application/json, text/html;q=0.9")]
    public async Task A_client_that_opens_the_server_reads_its_name(string accept)
    {
        var answer = await server.ClientWithKey(null).GetAsync("/", ("Accept", accept));

        await Assert.That((string?)answer["service"]).IsEqualTo("llmring-server");
    }

    [Test]
    public async Task Without_the_module_a_browser_reads_the_name_of_the_server()
    {
        await using var own = await ServerFixture.StartAsync(
            await server.Postgres.CreateDatabaseAsync(), server.Upstream, ("MODULES", "-dashboard"));
        using var client = new ApiClient(own.Address, null);

        await Assert.That((await client.GetAsync("/", ("Accept", "text/html"))).Status).IsEqualTo(200);
        await Assert.That((await client.GetAsync("/dashboard")).Status).IsEqualTo(404);
        await Assert.That((await client.GetAsync("/api/v1/logs", ("X-LLMRing-Dashboard", "*"))).Status).IsEqualTo(401);
    }

    private async Task<string> AddressOfAsync(string file)
    {
        var shell = await server.ClientWithKey(null).GetAsync("/dashboard");
        return Regex.Match(shell.Text, "/dashboard/files/[0-9a-f]{16}/").Value + file;
    }

    [GeneratedRegex("innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\\.write|\\beval\\(|new Function")]
    private static partial Regex Markup();
}
