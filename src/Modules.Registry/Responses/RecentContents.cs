namespace LlmRing.Modules.Registry.Responses;

/// <summary>
/// A cache of the bodies that callers asked for last. Its number of bodies and their uncompressed bytes are bounded, so that ever new
/// filters cost no memory; a body is compressed from its second use on, so that filters which occur once cost no compression.
/// </summary>
internal sealed class RecentContents(int maxCount, long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _byKey = new(StringComparer.Ordinal);
    // The most recently used body is first.
    private readonly LinkedList<Entry> _byUse = new();
    private long _bytes;

    /// <summary>Finds a body, or builds and keeps the body; then the least recently used ones beyond the bounds are dropped.</summary>
    public PrecompressedContent GetOrAdd(string key, Func<byte[]> build)
    {
        lock (_lock)
        {
            if (_byKey.TryGetValue(key, out var found))
            {
                _byUse.Remove(found);
                _byUse.AddFirst(found);
                found.Value.Content.AllowCompression();
                return found.Value.Content;
            }
        }

        // Outside the lock: callers of other bodies do not wait. Two callers may build the same body at once.
        var content = new PrecompressedContent(build(), isCompressed: false);
        lock (_lock)
        {
            if (_byKey.TryAdd(key, new(new Entry(key, content))))
            {
                _byUse.AddFirst(_byKey[key]);
                _bytes += content.Plain.Bytes.Length;
            }

            while (_byKey.Count > maxCount || _bytes > maxBytes)
            {
                var oldest = _byUse.Last!.Value;
                _byUse.RemoveLast();
                _byKey.Remove(oldest.Key);
                _bytes -= oldest.Content.Plain.Bytes.Length;
            }
        }

        return content;
    }

    private sealed record Entry(string Key, PrecompressedContent Content);
}
