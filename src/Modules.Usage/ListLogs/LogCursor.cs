using System.Buffers.Text;
using System.Buffers.Binary;

namespace LlmRing.Modules.Usage.ListLogs;

/// <summary>The place of a usage in the order of lists: its time, then its id.</summary>
internal readonly record struct LogCursor(DateTime At, Guid Id)
{
    private const int Length = sizeof(long) + 16;

    public static LogCursor Of(LoggedUsageRow row) => new(row.LoggedAt.UtcDateTime, row.Id);

    public static bool TryParse(string text, out LogCursor cursor)
    {
        cursor = default;
        Span<byte> bytes = stackalloc byte[Length];
        if (!Base64Url.TryDecodeFromChars(text, bytes, out var written) || written != Length)
            return false;
        var ticks = BinaryPrimitives.ReadInt64BigEndian(bytes);
        if (ticks < 0 || ticks > DateTime.MaxValue.Ticks)
            return false;
        cursor = new LogCursor(new DateTime(ticks, DateTimeKind.Utc), new Guid(bytes[sizeof(long)..]));
        return true;
    }

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        BinaryPrimitives.WriteInt64BigEndian(bytes, At.Ticks);
        Id.TryWriteBytes(bytes[sizeof(long)..]);
        return Base64Url.EncodeToString(bytes);
    }
}
