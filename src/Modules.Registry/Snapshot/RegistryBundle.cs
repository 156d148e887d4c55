using System.Text.Json;
using System.Text.Json.Serialization;
using LlmRing.Modules.Registry.Upstream;

namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>The current registry as the cache holds it: parsed in memory, as the upstream's bytes in Redis.</summary>
/// <param name="Hash">Hash of all bytes: equal hash, equal content.</param>
/// <param name="GeneratedAt">When the newest of the files was first received, UTC; the same on every host.</param>
/// <param name="Manifest">The manifest.</param>
/// <param name="Providers">The files of the manifest's providers, in the manifest's order; a file that was never received is
/// absent.</param>
[JsonConverter(typeof(RegistryBundleConverter))]
internal sealed record RegistryBundle(
    string Hash, DateTimeOffset GeneratedAt, RegistryManifest Manifest, IReadOnlyList<ProviderFile> Providers);

/// <summary>Writes only the upstream's bytes, and parses the files again where another host's entry is read from Redis.</summary>
internal sealed class RegistryBundleConverter : JsonConverter<RegistryBundle>
{
    public override RegistryBundle Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var entry = JsonSerializer.Deserialize<Entry>(ref reader, options)!;
        return new RegistryBundle(
            entry.Hash,
            entry.GeneratedAt,
            RegistryManifest.TryParse(entry.Manifest) ?? throw new JsonException("The cached manifest cannot be parsed."),
            entry.Providers.Select(provider => ProviderFile.TryParse(provider.Key, provider.Value)
                ?? throw new JsonException($"The cached file of {provider.Key} cannot be parsed.")).ToList());
    }

    public override void Write(Utf8JsonWriter writer, RegistryBundle value, JsonSerializerOptions options) => JsonSerializer.Serialize(
        writer,
        new Entry(
            value.Hash,
            value.GeneratedAt,
            value.Manifest.Body,
            value.Providers.ToDictionary(file => file.Provider, file => file.Body)),
        options);

    private sealed record Entry(string Hash, DateTimeOffset GeneratedAt, byte[] Manifest, IReadOnlyDictionary<string, byte[]> Providers);
}
