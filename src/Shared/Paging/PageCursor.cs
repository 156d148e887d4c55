using System.Buffers.Binary;
using System.Buffers.Text;

namespace LlmRing.Shared.Paging;

/// <summary>
/// The start of the next page of a list: after the row with this sort key and id. Opaque to clients (base64url), so that a list
/// may change its order. Another text fails binding, which answers 422.
/// </summary>
/// <param name="Key">Sort key of the last row of the page before, e.g. the UTC ticks of its time; never negative.</param>
/// <param name="Id">Id that distinguishes rows with the same key, or that binds the cursor to one parent.</param>
public readonly record struct PageCursor(long Key, Guid Id)
{
    private const int Length = sizeof(long) + 16;

    /// <summary>The cursor of a list sorted by time and id.</summary>
    public PageCursor(DateTimeOffset at, Guid id)
        : this(at.UtcTicks, id)
    {
    }

    /// <summary>The key as a time, UTC.</summary>
    public DateTimeOffset At => new(Key, TimeSpan.Zero);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, out PageCursor cursor)
    {
        Span<byte> bytes = stackalloc byte[Length];
        cursor = default;
        if (
            text is null || !Base64Url.IsValid(text, out var length) || length != Length
                || Base64Url.DecodeFromChars(text, bytes) != Length)
            return false;

        cursor = new PageCursor(BinaryPrimitives.ReadInt64BigEndian(bytes), new Guid(bytes[sizeof(long)..], bigEndian: true));
        return cursor.Key >= 0 && cursor.Key <= DateTime.MaxValue.Ticks;
    }

    /// <summary>The cursor as clients see it.</summary>
    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Length];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Key);
        Id.TryWriteBytes(bytes[sizeof(long)..], bigEndian: true, out _);
        return Base64Url.EncodeToString(bytes);
    }
}
