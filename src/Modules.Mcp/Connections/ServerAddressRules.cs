using System.Net;
using System.Net.Sockets;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Egress;
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

    private readonly OutboundAddressPolicy _addresses = new(settings.AllowedNetworks ?? (environment.IsDevelopment() ? OutboundAddressPolicy.Loopback : []));

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
    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken) =>
        await _addresses.ResolveAsync(host, cancellationToken) is { Length: > 0 } open
            ? open
            : throw new McpFailureException(
                McpFailure.Refused,
                $"The host '{host.Trim('[', ']').TrimEnd('.')}' is not a public address, or resolves to none; LLMRING_MCP_ALLOWED_NETWORKS (networks, e.g. 192.168.0.0/16) on the server would open it.");

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
}
