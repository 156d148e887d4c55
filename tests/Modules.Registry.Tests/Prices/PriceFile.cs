using LlmRing.Host.Startup;
using LlmRing.Shared.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Registry.Tests.Prices;

/// <summary>A file of own prices in a folder of its own.</summary>
internal sealed class PriceFile : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("prices");

    public PriceFile(string text) => File.WriteAllText(Path, text);

    public string Path => System.IO.Path.Combine(_folder.FullName, "prices.json");

    /// <summary>The prices of a server.</summary>
    public static IModelPrices PricesOf(LlmRingServer server) => server.Services.GetRequiredService<IModelPrices>();

    /// <summary>A file with one model, <c>acme:m</c>.</summary>
    public static string WithInput(decimal input) => FormattableString.Invariant(
        $$"""{"models": {"acme:m": {"dollars_per_million_tokens_output": 4, "dollars_per_million_tokens_input": {{input}} } } }""");

    /// <summary>Replaces the file as deployment tools do: by renaming another file.</summary>
    public void Replace(string text)
    {
        File.WriteAllText(Path + ".new", text);
        File.Move(Path + ".new", Path, overwrite: true);
    }

    public void Delete() => File.Delete(Path);

    public void Dispose() => _folder.Delete(recursive: true);
}
