using System.Reflection;
using System.Text.RegularExpressions;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using LlmRing.Testing;

namespace LlmRing.Architecture.Tests;

public sealed partial class DocumentationTests
{
    // Variables of scripts, not of the server.
    private static readonly string[] OfTheMakefile = ["PORT", "HTTP_PORT"];

    [Test]
    public async Task The_readme_names_every_setting_of_the_host_and_the_modules()
    {
        var readme = await ReadAsync("README.md");
        var settings = Settings();

        await Assert.That(settings).Contains("METRICS_NETWORKS").And.Contains("DRAIN_SECONDS").And.Contains("MCP_TIMEOUT");
        await Assert.That(settings.Where(name => !readme.Contains($"`LLMRING_{name}`", StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    public async Task The_readme_names_no_setting_that_does_not_exist()
    {
        var named = Variable().Matches(await ReadAsync("README.md")).Select(match => match.Groups[1].Value).Distinct();

        await Assert.That(named.Except(Settings()).Except(OfTheMakefile)).IsEmpty();
    }

    [Test]
    public async Task The_module_template_references_this_version_of_Shared()
    {
        var template = await ReadAsync("templates", "llmring-module", ".template.config", "template.json");

        await Assert.That(template).Contains($"\"defaultValue\": \"{Version}\"");
    }

    [Test]
    public async Task The_readme_of_Shared_shows_this_version()
    {
        await Assert.That(await ReadAsync("src", "Shared", "README.md")).Contains($"Version=\"{Version}\"");
    }

    private static string Version => typeof(SettingAttribute).Assembly.GetName().Version!.ToString(3);

    private static List<string> Settings() =>
    [
        .. BuiltInModules.Assemblies.Append(typeof(LlmRingServer).Assembly)
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .Select(property => property.GetCustomAttribute<SettingAttribute>()?.Name)
            .OfType<string>(),
    ];

    private static Task<string> ReadAsync(params string[] path) => File.ReadAllTextAsync(Path.Combine([Repository.Root, .. path]));

    [GeneratedRegex("`LLMRING_([A-Z_]+)`")]
    private static partial Regex Variable();
}
