using System.Net;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>Thrown where an MCP server no longer knows the session of a request, which it therefore has not processed.</summary>
/// <param name="status">The HTTP status that the server answered.</param>
internal sealed class SessionLostException(HttpStatusCode status)
    : HttpRequestException("The MCP server has lost the session", null, status);
