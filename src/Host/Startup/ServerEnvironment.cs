namespace LlmRing.Host.Startup;

/// <summary>The purpose of a run: <c>serve --env dev|test|prod</c>.</summary>
public enum ServerEnvironment
{
    /// <summary>A developer's machine: embedded PostgreSQL unless a database is configured, MCP servers on loopback allowed.</summary>
    Dev,

    /// <summary>Automated tests: like <see cref="Dev"/>, with a database of its own.</summary>
    Test,

    /// <summary>Production: a database must be configured.</summary>
    Prod,
}
