using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// The answer of an MCP server to a POST whose HTTP status is an error. Servers tell the same fault in different ways; the client of
/// the SDK understands some of them only.
/// </summary>
internal static partial class ErrorAnswer
{
    private const int MaxBytes = 64 * 1024;
    private const string EventStream = "text/event-stream";

    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Replaces the body by its beginning, as JSON where the body is a stream with a JSON-RPC error.</summary>
    /// <param name="response">The answer; its status becomes 400 where the client would overlook the JSON-RPC error otherwise.</param>
    /// <param name="hasSession">Whether the request was sent in a session.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the reading of the body.</param>
    /// <exception cref="SessionLostException">The server does not know the session.</exception>
    /// <exception cref="McpFailureException">The server names the time after which a request may be repeated.</exception>
    public static async Task InterpretAsync(
        HttpResponseMessage response, bool hasSession, TimeProvider time, CancellationToken cancellationToken)
    {
        if (SecondsToWait(response.Headers.RetryAfter, time) is { } seconds)
        {
            throw new McpFailureException(
                McpFailure.Failed,
                $"The MCP server answers with HTTP status {(int)response.StatusCode}, and asks to wait {seconds} seconds")
            {
                RetryAfterSeconds = seconds,
            };
        }

        var body = await ReadAsync(response.Content, time, cancellationToken);
        var code = CodeOf(body);
        // 2026-07-28 answers 404 for unknown methods as well.
        var isMethodUnknown = response.StatusCode is HttpStatusCode.NotFound && code is -32601;
        if (hasSession && !isMethodUnknown && IsLostSession(response.StatusCode, body))
            throw new SessionLostException(response.StatusCode);

        if (isMethodUnknown)
            response.StatusCode = HttpStatusCode.BadRequest;
        var contentType = code is null ? response.Content.Headers.ContentType : new MediaTypeHeaderValue("application/json");
        response.Content.Dispose();
        response.Content = new StringContent(body) { Headers = { ContentType = contentType } };
    }

    private static int? SecondsToWait(RetryConditionHeaderValue? retryAfter, TimeProvider time)
    {
        var delay = retryAfter?.Delta ?? (retryAfter?.Date - time.GetUtcNow());
        return delay is { } wait ? (int)Math.Ceiling(Math.Max(0, wait.TotalSeconds)) : null;
    }

    private static async Task<string> ReadAsync(HttpContent content, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ReadTimeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await using var stream = await content.ReadAsStreamAsync(ending.Token);
            if (content.Headers.ContentType?.MediaType is EventStream)
            {
                await foreach (var item in SseParser.Create(stream).EnumerateAsync(ending.Token))
                {
                    if (item.Data.Length > 0)
                        return item.Data;
                }

                return "";
            }

            var buffer = new byte[MaxBytes];
            var length = await stream.ReadAtLeastAsync(buffer, MaxBytes, throwOnEndOfStream: false, ending.Token);
            return Encoding.UTF8.GetString(buffer, 0, length);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The status says enough.
            return "";
        }
    }

    /// <summary>The code of a JSON-RPC error; null where the body is none.</summary>
    private static int? CodeOf(string body)
    {
        try
        {
            var json = JsonElement.Parse(body);
            return json.ValueKind is JsonValueKind.Object
                && json.TryGetProperty("error", out var error)
                && error.ValueKind is JsonValueKind.Object
                && error.TryGetProperty("code", out var code)
                && code.ValueKind is JsonValueKind.Number
                && code.TryGetInt32(out var number)
                ? number
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // The specification says 404. The servers of the MCP project itself answer 400, and name the session in the text only.
    private static bool IsLostSession(HttpStatusCode status, string body) =>
        status is HttpStatusCode.NotFound or HttpStatusCode.Gone
        || (status is HttpStatusCode.BadRequest && SessionPattern().IsMatch(body));

    [GeneratedRegex("session|not initialized", RegexOptions.IgnoreCase)]
    private static partial Regex SessionPattern();
}
