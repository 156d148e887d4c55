using System.ComponentModel.DataAnnotations;
using System.Net;

namespace LlmRing.Shared.Configuration;

/// <summary>Where PostgreSQL is and how it is used.</summary>
public sealed record DatabaseSettings
{
    /// <summary>Connection string: a <c>postgresql://</c> URL or Npgsql's <c>key=value</c> form. Null: the default of the environment.</summary>
    [Setting("DATABASE_URL", "postgresql://user:password@host:port/database, or Host=...;Database=...", Secret = true)]
    public string? Url { get; init; }

    /// <summary>A streaming replica of that database for heavy reads; null: there is none.</summary>
    [Setting("DATABASE_READ_URL", "postgresql://user:password@host:port/database, or Host=...;Database=...", Secret = true)]
    public string? ReadUrl { get; init; }

    /// <summary>Schema of the tables of the built-in modules.</summary>
    [Setting("DATABASE_SCHEMA", "a lower-case identifier of at most 63 characters: a-z, 0-9 and _, not beginning with a digit")]
    [RegularExpression("[a-z_][a-z0-9_]{0,62}")]
    public string Schema { get; init; } = "llmring";

    /// <summary>Connections in steady use.</summary>
    [Setting("DATABASE_POOL_SIZE", "a whole number from 1 to 1000")]
    [Range(1, 1000)]
    public int PoolSize { get; init; } = 20;

    /// <summary>Connections beyond <see cref="PoolSize"/> that a peak may open.</summary>
    [Setting("DATABASE_POOL_OVERFLOW", "a whole number from 0 to 1000")]
    [Range(0, 1000)]
    public int PoolOverflow { get; init; } = 10;
}

/// <summary>The cache and its optional Redis.</summary>
public sealed record CacheSettings
{
    /// <summary>Redis for the second cache level and the backplane: <c>redis://[user:password@]host:port/database</c> or <c>rediss://</c>.</summary>
    [Setting("REDIS_URL", "redis://[user:password@]host:port/database, or rediss:// for TLS", Secret = true)]
    [RegularExpression("rediss?://.+")]
    public string RedisUrl { get; init; } = "redis://localhost:6379/0";

    /// <summary>How long cached data counts as fresh, in seconds.</summary>
    [Setting("CACHE_TTL", "a whole number of seconds from 1 to 31536000")]
    [Range(1, 31_536_000)]
    public int Ttl { get; init; } = 3600;
}

/// <summary>How an <c>X-API-Key</c> becomes a scope.</summary>
public enum ApiKeyValidationMode
{
    /// <summary>Any well-formed key is its own scope.</summary>
    Bridge,

    /// <summary>The key's SHA-256 must be found, active, in <c>llmring_api.api_keys</c>.</summary>
    Strict,
}

/// <summary>Who is let in.</summary>
public sealed record AuthenticationSettings
{
    /// <summary>How keys are checked.</summary>
    [Setting("API_KEY_VALIDATION_MODE", "bridge or strict")]
    public ApiKeyValidationMode ApiKeyValidationMode { get; init; } = ApiKeyValidationMode.Bridge;

    /// <summary>Whether <c>X-User-ID</c> must be an owner or a member of <c>X-Project-ID</c>.</summary>
    [Setting("ENFORCE_MEMBERSHIP_VERIFICATION", "true or false")]
    public bool EnforceMembershipVerification { get; init; } = true;

    /// <summary>Peers whose user headers and <c>X-Forwarded-*</c> are believed.</summary>
    [Setting("TRUSTED_PROXIES", "addresses or networks separated by commas, e.g. 10.0.0.0/8,::1/128")]
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];
}

/// <summary>What browsers of other origins may do.</summary>
public sealed record CorsSettings
{
    /// <summary>Origins allowed to call the API from a browser.</summary>
    [Setting("CORS_ORIGINS", "origins separated by commas, or a JSON array of them")]
    public IReadOnlyList<string> Origins { get; init; } = ["http://localhost:5173", "http://localhost:5174"];
}

/// <summary>Which modules run.</summary>
public sealed record ModuleSettings
{
    /// <summary>Names of modules, or <c>all</c>; <c>-name</c> leaves one out.</summary>
    [Setting("MODULES", "names of modules separated by commas, 'all', or '-name' to leave one out")]
    public IReadOnlyList<string> Modules { get; init; } = ["all"];

    /// <summary>A folder with the assemblies of further modules; null: none.</summary>
    [Setting("MODULES_PATH", "a folder that holds the assemblies of further modules")]
    public string? Path { get; init; }
}
