using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ModelContextProtocol;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Decides what an exception of the MCP client means for the caller.</summary>
internal static class McpFailures
{
    private const int MaxMessageLength = 1000;

    /// <summary>Whether a request failed because the MCP server no longer knows the session, so that a new session may repeat it.</summary>
    public static bool IsLostSession(Exception exception, bool isIdempotent) => exception switch
    {
        SessionLostException => true,
        // The client has stopped: the request may have arrived before.
        OperationCanceledException => isIdempotent,
        _ => false,
    };

    /// <summary>
    /// Whether a request failed because the MCP server may be another one now, e.g. an older release: a new connection negotiates again.
    /// </summary>
    public static bool MayBeOutdated(Exception exception) =>
        exception is HttpRequestException { StatusCode: HttpStatusCode.NotFound or HttpStatusCode.BadRequest };

    /// <summary>The failure to report for an exception.</summary>
    public static McpFailureException FromException(Exception exception)
    {
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            if (cause is McpFailureException failure)
                return failure;
        }

        var (kind, message) = exception switch
        {
            McpProtocolException protocol => (
                protocol.ErrorCode is McpErrorCode.InvalidParams ? McpFailure.Rejected : McpFailure.Failed,
                $"The MCP server answers with error {CodeOf(protocol)}: {Sanitize(protocol.Message)}"),
            HttpRequestException { StatusCode: { } status } => (
                McpFailure.Failed, $"The MCP server answers with HTTP status {(int)status}"),
            OperationCanceledException or TimeoutException => (McpFailure.TimedOut, "The MCP server did not answer in time"),
            JsonException => (McpFailure.Failed, "The MCP server's answer cannot be read"),
            McpException other => (McpFailure.Failed, $"The MCP server cannot be spoken to: {Sanitize(other.Message)}"),
            InvalidOperationException or NotSupportedException when IsInputRequired(exception) => (
                McpFailure.InputRequired,
                "The MCP server asks for input of a user, which a call through this server cannot give"),
            HttpRequestException or IOException or SocketException or Win32Exception or ObjectDisposedException => (
                McpFailure.Unreachable, "The MCP server cannot be reached, or the connection broke"),
            _ => (McpFailure.Internal, "This server failed to call the MCP server; the reason is in the log of this server"),
        };
        return new McpFailureException(kind, message, exception);
    }

    // The client has no exception of its own for a server that asks a client without handlers.
    private static bool IsInputRequired(Exception exception) => exception.Message.Contains("input request", StringComparison.Ordinal);

    private static string CodeOf(McpProtocolException protocol) => ((int)protocol.ErrorCode).ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// Bounds a text of the MCP server, and replaces the characters that a PostgreSQL text cannot hold or that change how a log or a
    /// terminal shows the text around them: line breaks, control characters, and format characters such as reversals of text.
    /// </summary>
    private static string Sanitize(string message)
    {
        var text = message.Replace("Request failed (remote): ", "", StringComparison.Ordinal).ReplaceLineEndings(" ");
        var bounded = text.Length > MaxMessageLength ? text[..MaxMessageLength] : text;
        return string.Concat(bounded.Select(character => IsPlain(character) ? character : '\uFFFD'));
    }

    private static bool IsPlain(char character) => char.GetUnicodeCategory(character) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
