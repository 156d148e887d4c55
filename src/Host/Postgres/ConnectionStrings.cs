using System.Text.RegularExpressions;
using LlmRing.Shared.Settings;
using Npgsql;

namespace LlmRing.Host.Postgres;

/// <summary>Parses connection strings: URLs and Npgsql's own form.</summary>
internal static partial class ConnectionStrings
{
    private const string Accepted =
        "(not shown); accepted: postgresql://user:password@host:port/database, also with several hosts (host1:port1,host2:port2), "
        + "or Host=...;Database=...";

    /// <summary>What libpq calls differently from Npgsql.</summary>
    private static readonly Dictionary<string, string> LibpqNames = new(StringComparer.Ordinal)
    {
        ["application_name"] = "Application Name",
        ["channel_binding"] = "Channel Binding",
        ["client_encoding"] = "Client Encoding",
        ["connect_timeout"] = "Timeout",
        ["dbname"] = "Database",
        ["sslcert"] = "SSL Certificate",
        ["sslkey"] = "SSL Key",
        ["sslmode"] = "SSL Mode",
        ["sslrootcert"] = "Root Certificate",
        ["target_session_attrs"] = "Target Session Attributes",
        ["user"] = "Username",
    };

    /// <summary>
    /// Parses a <c>postgresql://</c> URL or Npgsql's <c>key=value</c> form. Of several hosts, connections go to the primary unless the
    /// text has target session attributes.
    /// </summary>
    /// <param name="text">The connection string.</param>
    /// <param name="setting">Name of its variable without <c>LLMRING_</c>, for the message.</param>
    /// <exception cref="OperatorErrorException">The text has neither form.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text, string setting = "DATABASE_URL")
    {
        try
        {
            return WithFailover(Url().Match(text) is { Success: true } url ? ParseUrl(url) : new NpgsqlConnectionStringBuilder(text));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new OperatorErrorException($"LLMRING_{setting} is {Accepted}", exception);
        }
    }

    private static NpgsqlConnectionStringBuilder WithFailover(NpgsqlConnectionStringBuilder connection)
    {
        if (connection.Host?.Contains(',', StringComparison.Ordinal) is not true)
        {
            // Npgsql refuses the attributes with a single host, which libpq accepts. /health/ready tells whether the host is the primary.
            connection.Remove("Target Session Attributes");
            return connection;
        }

        connection.TargetSessionAttributes ??= "primary";
        // In seconds: how soon the hosts are asked again which one is the primary, and how long a host may take to answer.
        if (!connection.ShouldSerialize("Host Recheck Seconds"))
            connection.HostRecheckSeconds = 1;
        if (!connection.ShouldSerialize("Timeout"))
            connection.Timeout = 2;
        return connection;
    }

    private static NpgsqlConnectionStringBuilder ParseUrl(Match url)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        if (url.Groups["hosts"].Value is { Length: > 0 } hosts)
            SetHosts(builder, hosts.Split(','));
        if (Uri.UnescapeDataString(url.Groups["path"].Value.Trim('/')) is { Length: > 0 } database)
            builder.Database = database;

        var credentials = url.Groups["credentials"].Value.Split(':', 2).Select(Uri.UnescapeDataString).ToArray();
        if (credentials[0].Length > 0)
            builder.Username = credentials[0];
        if (credentials.Length > 1)
            builder.Password = credentials[1];

        var parameters = url.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2).Select(Uri.UnescapeDataString).ToArray())
            .ToDictionary(pair => pair[0], pair => pair.ElementAtOrDefault(1) ?? "");
        if (parameters.Remove("host", out var names))
        {
            var ports = parameters.Remove("port", out var numbers) ? numbers.Split(',') : ["5432"];
            SetHosts(builder, names.Split(',').Select((name, index) => $"{name}:{ports[Math.Min(index, ports.Length - 1)]}").ToArray());
        }

        foreach (var (name, value) in parameters)
        {
            // libpq writes verify-full where Npgsql writes VerifyFull.
            builder[LibpqNames.GetValueOrDefault(name, name)] =
                name is "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return builder;
    }

    private static void SetHosts(NpgsqlConnectionStringBuilder builder, string[] hosts)
    {
        var urls = Array.ConvertAll(hosts, host => new Uri($"postgresql://{host}"));
        if (urls is [var only])
        {
            builder.Host = only.IdnHost;
            if (only.Port > 0)
                builder.Port = only.Port;
            return;
        }

        if (hosts.Contains(""))
            throw new FormatException("A host has no name");
        builder.Host = string.Join(',', urls.Select(url =>
            $"{(url.HostNameType is UriHostNameType.IPv6 ? $"[{url.IdnHost}]" : url.IdnHost)}:{(url.Port > 0 ? url.Port : 5432)}"));
    }

    [GeneratedRegex(
        @"^postgres(ql)?://((?<credentials>[^/?#]*)@)?(?<hosts>[^/?#@]*)(?<path>/[^?#]*)?(\?(?<query>[^#]*))?$",
        RegexOptions.IgnoreCase)]
    private static partial Regex Url();
}
