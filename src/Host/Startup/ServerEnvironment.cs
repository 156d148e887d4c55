namespace LlmRing.Host.Startup;

/// <summary>What the server is run for: <c>serve --env dev|test|prod</c>.</summary>
public enum ServerEnvironment
{
    /// <summary>A developer's machine: embedded PostgreSQL unless told otherwise, loopback MCP servers allowed.</summary>
    Dev,

    /// <summary>Automated tests: like <see cref="Dev"/>, with a database of its own.</summary>
    Test,

    /// <summary>For real: the database must be named.</summary>
    Prod,
}
