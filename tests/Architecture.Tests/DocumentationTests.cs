using System.Reflection;
using LlmRing.Host.Modules;
using LlmRing.Host.Startup;
using LlmRing.Shared.Settings;
using LlmRing.Testing;

namespace LlmRing.Architecture.Tests;

public sealed class DocumentationTests
{
    [Test]
    public async Task The_readme_names_every_setting()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"));
        var settings = BuiltInModules.Assemblies.Append(typeof(LlmRingServer).Assembly)
            .SelectMany(assembly => assembly.GetTypes())
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .Select(property => property.GetCustomAttribute<SettingAttribute>()?.Name)
            .OfType<string>()
            .ToList();

        await Assert.That(settings.Count).IsGreaterThan(10);
        await Assert.That(settings.Where(name => !readme.Contains($"`LLMRING_{name}`", StringComparison.Ordinal))).IsEmpty();
    }

    [Test]
    public async Task The_template_makes_modules_for_this_version()
    {
        var version = typeof(SettingAttribute).Assembly.GetName().Version!.ToString(3);

        var template = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "templates", "llmring-module", ".template.config", "template.json"));

        await Assert.That(template).Contains($"\"defaultValue\": \"{version}\"");
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "src", "Shared", "README.md"))).Contains($"Version=\"{version}\"");
    }
}
