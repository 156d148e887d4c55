using System.Net;
using System.Net.Sockets;

namespace LlmRing.Shared.Egress;

/// <summary>
/// Decides to which addresses the server connects for a caller: public ones, and those of networks that the operator allowed.
/// A name is resolved once per connection, and the connection goes to the address that was checked, so that a second DNS answer
/// cannot redirect it.
/// </summary>
/// <param name="allowed">Networks that are allowed although they are not public.</param>
public sealed class OutboundAddressPolicy(IReadOnlyList<IPNetwork> allowed)
{
    // IANA's special-purpose registries: blocks that are not globally reachable unicast.
    private static readonly IPNetwork[] NotPublic =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
        ]).Select(text => IPNetwork.Parse(text)),
    ];

    // IANA allocates global unicast IPv6 addresses from this block only.
    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    // NAT64 (RFC 6052): a gateway translates these addresses to the IPv4 address in their last four bytes.
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    /// <summary>The loopback networks.</summary>
    public static IReadOnlyList<IPNetwork> Loopback { get; } = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")];

    /// <summary>Whether the server may connect to an address.</summary>
    public bool IsAllowed(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        else if (address.AddressFamily is AddressFamily.InterNetworkV6 && Nat64.Contains(address))
            address = new IPAddress(address.GetAddressBytes().AsSpan(12));

        return allowed.Any(network => network.Contains(address))
            || (
                (
                    address.AddressFamily is AddressFamily.InterNetwork || GlobalUnicast.Contains(address))
                        && !Array.Exists(NotPublic, network => network.Contains(address)));
    }

    /// <summary>Resolves a host to its allowed addresses. Connect to these, and do not resolve the name again.</summary>
    /// <returns>Empty where no address of the host is allowed.</returns>
    /// <exception cref="SocketException">The name does not resolve.</exception>
    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken)
    {
        host = host.Trim('[', ']').TrimEnd('.');
        // IPAddress also parses the old forms 127.1, 2130706433 and 0x7f000001.
        var addresses = IPAddress.TryParse(host, out var literal) ? [literal]
            : IsLocalhost(host) ? [IPAddress.Loopback, IPAddress.IPv6Loopback]
            : await Dns.GetHostAddressesAsync(host, cancellationToken);
        return Array.FindAll(addresses, IsAllowed);
    }

    /// <summary>
    /// Creates a handler that connects to allowed addresses only. It follows no redirects, uses no proxy (which would resolve
    /// names itself), and keeps no cookies (which would pass from the server of one caller to that of another).
    /// </summary>
    public SocketsHttpHandler CreateHandler() =>
        CreateHandler(async (host, cancellationToken) => await ResolveAsync(host, cancellationToken) is { Length: > 0 } open
        ? open
        : throw new HttpRequestException($"The host '{host}' is not a public address, or resolves to none"));

    /// <inheritdoc cref="CreateHandler()"/>
    /// <param name="resolve">Resolves a host to its allowed addresses.</param>
    public static SocketsHttpHandler CreateHandler(Func<string, CancellationToken, Task<IPAddress[]>> resolve) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectCallback = async (context, cancellationToken) =>
        {
            var addresses = await resolve(context.DnsEndPoint.Host, cancellationToken);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    private static bool IsLocalhost(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase);
}
