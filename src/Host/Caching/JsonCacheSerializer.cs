using System.Text.Json;
using ZiggyCreatures.Caching.Fusion.Serialization;

namespace LlmRing.Host.Caching;

/// <summary>Writes cache entries as JSON for the second level. (The ready-made serializer package is not to be had everywhere.)</summary>
internal sealed class JsonCacheSerializer : IFusionCacheSerializer
{
    public byte[] Serialize<T>(T? obj) => JsonSerializer.SerializeToUtf8Bytes(obj);

    public T? Deserialize<T>(byte[] data) => JsonSerializer.Deserialize<T>(data);

    public ValueTask<byte[]> SerializeAsync<T>(T? obj, CancellationToken token = default) => new(Serialize(obj));

    public ValueTask<T?> DeserializeAsync<T>(byte[] data, CancellationToken token = default) => new(Deserialize<T>(data));
}
