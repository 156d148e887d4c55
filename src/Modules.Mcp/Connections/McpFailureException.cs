namespace LlmRing.Modules.Mcp.Connections;

/// <summary>The reasons why a request to an MCP server has no result.</summary>
internal enum McpFailure
{
    /// <summary>The feature has no server (any more).</summary>
    NoServer,

    /// <summary>The owner has switched the server off.</summary>
    Inactive,

    /// <summary>The rules of this host forbid the request.</summary>
    Refused,

    /// <summary>Too many requests are waiting already; nothing was sent.</summary>
    Busy,

    /// <summary>The answers that this host holds are too long together; the MCP server may have processed the request.</summary>
    Overloaded,

    /// <summary>No connection could be opened, or it broke.</summary>
    Unreachable,

    /// <summary>No answer came within <see cref="McpSettings.Timeout"/>.</summary>
    TimedOut,

    /// <summary>The MCP server rejected the parameters of the request.</summary>
    Rejected,

    /// <summary>The MCP server asks for input of a user before it answers.</summary>
    InputRequired,

    /// <summary>The MCP server answered with another error, or with an answer that cannot be read.</summary>
    Failed,

    /// <summary>This server is at fault, not the MCP server.</summary>
    Internal,
}

/// <summary>Thrown where a request to an MCP server has no result.</summary>
/// <param name="kind">The reason.</param>
/// <param name="message">The reason in words, for the caller: without addresses of this host's networks, without credentials.</param>
/// <param name="inner">The technical cause.</param>
internal sealed class McpFailureException(McpFailure kind, string message, Exception? inner = null) : Exception(message, inner)
{
    public McpFailure Kind { get; } = kind;

    /// <summary>Seconds after which the MCP server takes the request again; null where the MCP server names no time.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>Whether the MCP server may have received the request.</summary>
    public bool WasAttempted => Kind is not (McpFailure.NoServer or McpFailure.Inactive or McpFailure.Refused or McpFailure.Busy);

    /// <summary>Whether the failure says something about the MCP server: a busy host and wrong parameters do not.</summary>
    public bool IsOfServer => Kind is not (
        McpFailure.Busy or McpFailure.Overloaded or McpFailure.Rejected or McpFailure.InputRequired or McpFailure.Internal);
}
