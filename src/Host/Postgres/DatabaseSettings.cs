using System.ComponentModel.DataAnnotations;
using LlmRing.Shared.Settings;

namespace LlmRing.Host.Postgres;

/// <summary>The PostgreSQL database and its connection pool.</summary>
internal sealed record DatabaseSettings
{
    /// <summary>
    /// Connection string: a <c>postgresql://</c> URL or Npgsql's <c>key=value</c> form. Null: the default of the environment.
    /// </summary>
    [Setting("DATABASE_URL", "postgresql://user:password@host:port/database, or Host=...;Database=...", Secret = true)]
    public string? Url { get; init; }

    /// <summary>Connection string of a streaming replica for heavy reads; null: no replica.</summary>
    [Setting("DATABASE_READ_URL", "postgresql://user:password@host:port/database, or Host=...;Database=...", Secret = true)]
    public string? ReadUrl { get; init; }

    /// <summary>Schema of the tables of the built-in modules.</summary>
    [Setting("DATABASE_SCHEMA", "a lower-case identifier of at most 63 characters: a-z, 0-9 and _, not beginning with a digit")]
    [RegularExpression("[a-z_][a-z0-9_]{0,62}")]
    public string Schema { get; init; } = "llmring";

    /// <summary>Connections of normal operation.</summary>
    [Setting("DATABASE_POOL_SIZE", "a whole number from 1 to 1000")]
    [Range(1, 1000)]
    public int PoolSize { get; init; } = 20;

    /// <summary>Further connections that a peak may open.</summary>
    [Setting("DATABASE_POOL_OVERFLOW", "a whole number from 0 to 1000")]
    [Range(0, 1000)]
    public int PoolOverflow { get; init; } = 10;
}
