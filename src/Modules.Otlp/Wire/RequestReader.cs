using LlmRing.Modules.Otlp.Responses;
using Microsoft.AspNetCore.Http;

namespace LlmRing.Modules.Otlp.Wire;

/// <summary>Reads the records of a request, in either type.</summary>
internal static class RequestReader
{
    /// <summary>Bytes of a body after decompression.</summary>
    public const int MaxBody = 64 * 1024 * 1024;

    /// <exception cref="BadHttpRequestException">The type of the body is another one, or the body cannot be read.</exception>
    public static async Task<List<TelemetryRecord>> ReadAsync(HttpRequest request, Signal signal, CancellationToken cancellationToken)
    {
        if (OtlpFormat.IsProtobuf(request) is not { } isProtobuf)
        {
            throw new BadHttpRequestException(
                $"The body must be {OtlpFormat.Protobuf} or {OtlpFormat.Json}", StatusCodes.Status415UnsupportedMediaType);
        }

        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancellationToken);
        var bytes = body.GetBuffer().AsMemory(0, (int)body.Length);
        try
        {
            return bytes.IsEmpty ? []
                : isProtobuf ? ProtobufReader.Read(bytes.Span, signal)
                : JsonReader.Read(bytes, signal);
        }
        catch (MalformedRequestException exception)
        {
            throw new BadHttpRequestException(exception.Message, exception);
        }
    }
}
