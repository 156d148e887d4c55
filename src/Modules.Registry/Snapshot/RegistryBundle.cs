namespace LlmRing.Modules.Registry.Snapshot;

/// <summary>The current registry as the cache holds it, in memory and in Redis: unparsed, as the upstream sent it.</summary>
/// <param name="Hash">Of all the bytes: equal hash, equal content.</param>
/// <param name="GeneratedAt">When the newest of the documents was first seen, the same on every host.</param>
/// <param name="Manifest">The manifest.</param>
/// <param name="Providers">The files of the manifest's providers; one that could never be had is absent.</param>
internal sealed record RegistryBundle(string Hash, DateTimeOffset GeneratedAt, byte[] Manifest, IReadOnlyDictionary<string, byte[]> Providers);
