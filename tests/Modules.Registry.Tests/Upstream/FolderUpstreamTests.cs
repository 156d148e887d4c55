using LlmRing.Testing;

namespace LlmRing.Modules.Registry.Tests.Upstream;

[ClassDataSource<PostgresFixture>(Shared = SharedType.PerTestSession)]
public sealed class FolderUpstreamTests(PostgresFixture postgres)
{
    [Test]
    [Arguments("")]
    [Arguments("/")]
    public async Task A_folder_serves_as_upstream(string end)
    {
        using var folder = new TemporaryFolder(RegistryFiles.All);
        await using var host = await RegistryHost.StartAsync(postgres, ("REGISTRY_BASE_URL", new Uri(folder.Path).AbsoluteUri + end));

        var registry = await host.Client.GetAsync("/registry");
        var archived = await host.Client.GetAsync("/registry/v/6/registry.json");
        var absent = await host.Client.GetAsync("/registry/openai/v/5/models.json");

        await Assert.That(registry["models"]!.AsObject().Count).IsEqualTo(4);
        await Assert.That(archived["models"]!.AsObject().Count).IsEqualTo(1);
        await Assert.That(absent.Status).IsEqualTo(404);
        await Assert.That(host.Upstream.Requests).IsEmpty();
    }

    [Test]
    public async Task A_missing_folder_counts_as_an_upstream_that_is_down()
    {
        await using var host = await RegistryHost.StartAsync(postgres, ("REGISTRY_BASE_URL", "file:///nowhere/registry"));

        var registry = await host.Client.GetAsync("/registry");

        await Assert.That(registry.Headers["X-LLMRing-Registry"]).StartsWith("bundled");
        await Assert.That((await host.Client.GetAsync("/registry/v/6/registry.json")).Status).IsEqualTo(503);
    }

    private sealed class TemporaryFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("registry");

        public TemporaryFolder(IReadOnlyDictionary<string, string> files)
        {
            foreach (var (path, text) in files)
            {
                var file = new FileInfo(System.IO.Path.Combine(_folder.FullName, path));
                file.Directory!.Create();
                File.WriteAllText(file.FullName, text);
            }
        }

        public string Path => _folder.FullName;

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
