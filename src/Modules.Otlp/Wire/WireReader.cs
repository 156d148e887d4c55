using System.Buffers.Binary;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>Reads the fields of one protobuf message. Every read beyond the end of the message throws.</summary>
/// <remarks>https://protobuf.dev/programming-guides/encoding. Groups, which OTLP has none of, are refused.</remarks>
internal ref struct WireReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>How the current field is encoded.</summary>
    public WireType Type { get; private set; }

    /// <summary>Moves to the next field. The value of each field is read or skipped before the next one.</summary>
    /// <returns>False at the end of the message.</returns>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        var tag = ReadVarint();
        (Field, Type) = ((int)(tag >> 3), (WireType)(tag & 7));
        return tag >> 3 is > 0 and <= 536_870_911 ? true : throw Malformed();
    }

    public ulong ReadVarint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        throw Malformed();
    }

    public ulong ReadFixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    /// <summary>Reads a text, bytes or a nested message.</summary>
    public ReadOnlySpan<byte> ReadBytes()
    {
        var length = ReadVarint();
        return length <= (ulong)_rest.Length ? Take((int)length) : throw Malformed();
    }

    public void Skip()
    {
        switch (Type)
        {
            case WireType.Varint:
                ReadVarint();
                break;
            case WireType.Fixed64:
                Take(8);
                break;
            case WireType.Bytes:
                ReadBytes();
                break;
            case WireType.Fixed32:
                Take(4);
                break;
            default:
                throw Malformed();
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
            throw Malformed();
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private static MalformedRequestException Malformed() => new("The body is not a protobuf message of OTLP.");
}

/// <summary>The encodings of a field.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}
