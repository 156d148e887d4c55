using System.Text;

namespace LlmRing.Modules.Otlp.Responses;

/// <summary>Writes the fields of the small protobuf messages of answers.</summary>
internal static class MessageWriter
{
    private const int Bytes = 2;

    /// <summary>A field with a number; 0 is left out.</summary>
    public static byte[] Number(int field, int value) => value == 0 ? [] : [.. Varint(field << 3), .. Varint(value)];

    /// <summary>A field with a text.</summary>
    public static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    /// <summary>A field with a nested message.</summary>
    public static byte[] Message(int field, byte[] message) => [.. Varint((field << 3) | Bytes), .. Varint(message.Length), .. message];

    private static List<byte> Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value > 0x7F; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        bytes.Add((byte)value);
        return bytes;
    }
}
