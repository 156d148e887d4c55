namespace LlmRing.Modules.Mcp.Storage;

/// <summary>The transport of MCP over which a server is called.</summary>
internal enum TransportType
{
    /// <summary>Streamable HTTP.</summary>
    Http,

    /// <summary>HTTP with server-sent events, the transport of MCP before 2025-03-26.</summary>
    Sse,

    /// <summary>WebSocket; stored for clients, never called from here.</summary>
    Websocket,

    /// <summary>The standard input and output of a process.</summary>
    Stdio,
}
