using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Postgres;

/// <summary>Parses connection strings: URLs and Npgsql's own form.</summary>
internal static class ConnectionStrings
{
    private const string Accepted = "(not shown); accepted: postgresql://user:password@host:port/database, or Host=...;Database=...";

    /// <summary>Parses a <c>postgresql://</c> URL or Npgsql's <c>key=value</c> form.</summary>
    /// <param name="text">The connection string.</param>
    /// <param name="setting">Name of its variable without <c>LLMRING_</c>, for the message.</param>
    /// <exception cref="OperatorErrorException">The text has neither form.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text, string setting = "DATABASE_URL")
    {
        try
        {
            return text.StartsWith("postgres", StringComparison.OrdinalIgnoreCase) && text.Contains("://", StringComparison.Ordinal)
                ? ParseUrl(new Uri(text))
                : new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new OperatorErrorException($"LLMRING_{setting} is {Accepted}", exception);
        }
    }

    private static NpgsqlConnectionStringBuilder ParseUrl(Uri url)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        if (url.Host.Length > 0)
            builder.Host = url.IdnHost;
        if (url.Port > 0)
            builder.Port = url.Port;
        if (Uri.UnescapeDataString(url.AbsolutePath.Trim('/')) is { Length: > 0 } database)
            builder.Database = database;

        var credentials = url.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString).ToArray();
        if (credentials[0].Length > 0)
            builder.Username = credentials[0];
        if (credentials.Length > 1)
            builder.Password = credentials[1];

        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.Split('=', 2) is [var left, var right] ? (
                Uri.UnescapeDataString(left), Uri.UnescapeDataString(right)) : (pair, "");
            // libpq writes sslmode and verify-full where Npgsql writes "SSL Mode" and VerifyFull.
            builder[name is "sslmode" ? "SSL Mode" : name] = name is "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return builder;
    }
}
