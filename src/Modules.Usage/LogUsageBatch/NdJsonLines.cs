using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Usage.LogUsageBatch;

/// <summary>
/// Reads a body line by line, and holds one line at a time. <c>JsonSerializer.DeserializeAsyncEnumerable</c> with
/// <c>topLevelValues</c> would stop at the first line that is not JSON.
/// </summary>
internal static class NdJsonLines
{
    private const int MaxLine = 1024 * 1024;

    /// <summary>The lines that are not blank. The memory of a line is valid until the next line is read.</summary>
    /// <exception cref="BadHttpRequestException">413: a line is longer than 1 MiB.</exception>
    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(
        PipeReader body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } end)
            {
                if (Content(rest.Slice(0, end)) is { Length: > 0 } line)
                    yield return line;
                rest = rest.Slice(rest.GetPosition(1, end));
            }

            if (read.IsCompleted)
            {
                if (Content(rest) is { Length: > 0 } line)
                    yield return line;
                yield break;
            }

            // A line that has not ended yet must not fill the memory.
            ThrowIfTooLong(rest);
            body.AdvanceTo(rest.Start, rest.End);
        }
    }

    private static ReadOnlyMemory<byte> Content(ReadOnlySequence<byte> line)
    {
        ThrowIfTooLong(line);
        var bytes = line.IsSingleSegment ? line.First : line.ToArray();
        return bytes.Span.Trim(" \t\r"u8).IsEmpty ? default : bytes;
    }

    private static void ThrowIfTooLong(ReadOnlySequence<byte> line)
    {
        if (line.Length > MaxLine)
            throw new BadHttpRequestException($"A line has at most {MaxLine} bytes", StatusCodes.Status413PayloadTooLarge);
    }
}
