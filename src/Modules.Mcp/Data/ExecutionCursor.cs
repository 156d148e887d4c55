using System.Buffers.Binary;
using System.Buffers.Text;

namespace LlmRing.Modules.Mcp.Data;

/// <summary>The place in a tool's history after which a page goes on.</summary>
internal sealed record ExecutionCursor(DateTimeOffset ExecutedAt, Guid Id)
{
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[24];
        BinaryPrimitives.WriteInt64BigEndian(bytes, ExecutedAt.UtcTicks);
        Id.TryWriteBytes(bytes[8..]);
        return Base64Url.EncodeToString(bytes);
    }

    public static ExecutionCursor? Parse(string text)
    {
        if (text.Length != 32 || !Base64Url.IsValid(text))
            return null;
        var bytes = Base64Url.DecodeFromChars(text);
        var ticks = BinaryPrimitives.ReadInt64BigEndian(bytes);
        return ticks >= DateTimeOffset.UnixEpoch.Ticks && ticks <= DateTimeOffset.MaxValue.Ticks
            ? new ExecutionCursor(new DateTimeOffset(ticks, TimeSpan.Zero), new Guid(bytes.AsSpan(8)))
            : null;
    }
}
