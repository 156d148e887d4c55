using System.Net;
using System.Net.Sockets;
using LlmRing.Modules.Mcp.Data;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Which addresses a caller may make this server connect to: public ones, and the networks that the operator opened.
/// Asked when a URL is stored, and again for every connection, redirects included, with the address it then goes to.
/// </summary>
internal sealed class ServerAddressRules(McpSettings settings, IHostEnvironment environment)
{
    private const string StdioScheme = "stdio://";

    // A name server that does not answer must not hold a request; the connection checks again anyway.
    private static readonly TimeSpan LookupPatience = TimeSpan.FromSeconds(2);

    private static readonly IPNetwork[] Loopback = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    // IANA's special-purpose registries: all that is not globally reachable unicast.
    private static readonly IPNetwork[] NotPublic =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ]).Select(text => IPNetwork.Parse(text)),
    ];

    // Of IPv6, only this block is given out as global unicast.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    // Behind this prefix a gateway of the network translates to the IPv4 address in the last four bytes.
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    private readonly IReadOnlyList<IPNetwork> _allowed = settings.AllowedNetworks ?? (environment.IsDevelopment() ? Loopback : []);

    /// <summary>What is wrong with the URL of a server that is to be stored; null: nothing.</summary>
    /// <remarks>A name that does not resolve now is accepted: its server may be out of this host's sight, and of its client's only.</remarks>
    public async Task<string?> FindFaultAsync(TransportType transport, string url, CancellationToken cancellationToken)
    {
        if (transport is TransportType.Stdio)
            return CommandLineOf(url) is null ? "Must be stdio://COMMAND ARG … for a stdio server." : null;

        string[] schemes = transport is TransportType.Websocket ? ["ws", "wss", "http", "https"] : ["http", "https"];
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || !schemes.Contains(uri.Scheme) || HostOf(uri) is not { } host)
            return $"Must be a URL with a host, of the scheme {string.Join(" or ", schemes)}.";
        if (uri.UserInfo.Length > 0)
            return "Must not contain credentials: they belong into auth_config, which is kept encrypted.";

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(LookupPatience);
        try
        {
            await ResolveAsync(host, patience.Token);
            return null;
        }
        catch (McpFailureException refused) when (refused.Kind is McpFailure.Refused)
        {
            return refused.Message;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>The addresses of a host that may be connected to; connect to these and to nothing looked up later.</summary>
    /// <exception cref="McpFailureException">None of its addresses may.</exception>
    /// <exception cref="SocketException">The name does not resolve.</exception>
    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        host = host.Trim('[', ']').TrimEnd('.');
        // IPAddress reads the old forms, too: 127.1, 2130706433, 0x7f000001.
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal]
            : IsLocalhost(host) ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : await Dns.GetHostAddressesAsync(host, cancellationToken);

        var open = Array.FindAll(addresses, IsOpen);
        return open.Length > 0
            ? open
            : throw new McpFailureException(
                McpFailure.Refused,
                $"The host '{host}' is not a public address, or resolves to none; LLMRING_MCP_ALLOWED_NETWORKS (networks, e.g. 192.168.0.0/16) on the server would open it.");
    }

    /// <summary>The command and arguments of <c>stdio://COMMAND ARG …</c>; null where it is none.</summary>
    public static string[]? CommandLineOf(string url) =>
        url.StartsWith(StdioScheme, StringComparison.OrdinalIgnoreCase) && Words(url[StdioScheme.Length..]) is { Length: > 0 } words ? words : null;

    /// <summary>Whether the operator allows this very command line.</summary>
    public bool AllowsCommand(string[] commandLine) => settings.StdioCommands.Select(Words).Any(allowed => allowed switch
    {
        [_, .. var rest, "*"] => commandLine.AsSpan().StartsWith(allowed.AsSpan(0, rest.Length + 1)),
        ["*"] or [] => false,
        _ => commandLine.AsSpan().SequenceEqual(allowed),
    });

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string? HostOf(Uri uri)
    {
        try
        {
            // Other writings of digits and dots are an address to some resolvers and a name to others.
            return uri.IdnHost.Trim('.') is { Length: > 0 } && !uri.Host.Any(IsDisguise) ? uri.IdnHost : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static bool IsDisguise(char character) => !char.IsAscii(character) && (!char.IsLetter(character) || character >= '\uFF00');

    private static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);

    private bool IsOpen(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (address.AddressFamily is AddressFamily.InterNetworkV6 && Nat64.Contains(address))
            address = new IPAddress(address.GetAddressBytes().AsSpan(12));

        return _allowed.Any(network => network.Contains(address))
            || ((address.AddressFamily is AddressFamily.InterNetwork || GlobalUnicast.Contains(address)) && !Array.Exists(NotPublic, network => network.Contains(address)));
    }
}
