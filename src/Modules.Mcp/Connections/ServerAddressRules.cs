using System.Net;
using System.Net.Sockets;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Shared.Egress;
using Microsoft.Extensions.Hosting;

namespace LlmRing.Modules.Mcp.Connections;

/// <summary>
/// Decides which addresses a caller may make this server connect to: public ones, and the networks that the operator allows.
/// Checked when a URL is stored, and again for each connection, redirects included, on the address that the socket is opened to.
/// </summary>
internal sealed class ServerAddressRules(McpSettings settings, IHostEnvironment environment, TimeProvider time)
{
    private const string StdioScheme = "stdio://";

    // A slow name server must not delay the request; each connection checks the address again.
    private static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(2);

    private readonly OutboundAddressPolicy _addresses = new(
        settings.AllowedNetworks ?? (environment.IsDevelopment() ? OutboundAddressPolicy.Loopback : []));

    /// <summary>Checks the URL of a server before it is stored.</summary>
    /// <returns>What is wrong, for the caller; null where the URL is valid.</returns>
    /// <remarks>A name that does not resolve here is accepted: clients that call the server themselves may resolve it.</remarks>
    public async Task<string?> ValidateAsync(TransportType transport, string url, CancellationToken cancellationToken)
    {
        if (transport is TransportType.Stdio)
            return CommandLineOf(url) is null && !IsHttp(url) ? "Must be stdio://COMMAND ARG … for a stdio server." : null;

        string[] schemes = transport is TransportType.Websocket ? ["ws", "wss", "http", "https"] : ["http", "https"];
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || !schemes.Contains(uri.Scheme) || HostOf(uri) is not { } host)
            return $"Must be a URL with a host, of the scheme {string.Join(" or ", schemes)}.";
        if (uri.UserInfo.Length > 0)
            return "Must not contain credentials: they belong into auth_config, which is kept encrypted.";

        using var timeout = new CancellationTokenSource(LookupTimeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            await ResolveAsync(host, ending.Token);
            return null;
        }
        catch (McpFailureException refused) when (refused.Kind is McpFailure.Refused)
        {
            return refused.Message;
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Resolves a host to its permitted addresses; a connection must use these and not resolve the host again.</summary>
    /// <exception cref="McpFailureException">The host has no permitted address.</exception>
    /// <exception cref="SocketException">The name does not resolve.</exception>
    public async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellationToken) =>
        await _addresses.ResolveAsync(host, cancellationToken) is { Length: > 0 } open
            ? open
            : throw new McpFailureException(
                McpFailure.Refused,
                $"The host '{host.Trim('[', ']').TrimEnd('.')}' is not a public address, or resolves to none; "
                + "LLMRING_MCP_ALLOWED_NETWORKS (networks, e.g. 192.168.0.0/16) on the server would open it.");

    /// <summary>The command and arguments of <c>stdio://COMMAND ARG …</c>; null for another URL.</summary>
    public static string[]? CommandLineOf(string url) =>
        url.StartsWith(StdioScheme, StringComparison.OrdinalIgnoreCase) && SplitWords(url[StdioScheme.Length..]) is { Length: > 0 } words
            ? words
            : null;

    /// <summary>Whether the operator allows a command line.</summary>
    public bool AllowsCommand(string[] commandLine) => settings.StdioCommands.Select(SplitWords).Any(allowed => allowed switch
    {
        [_, .. var rest, "*"] => commandLine.AsSpan().StartsWith(allowed.AsSpan(0, rest.Length + 1)),
        ["*"] or [] => false,
        _ => commandLine.AsSpan().SequenceEqual(allowed),
    });

    // Clients of the reference server store such URLs. This server refuses to execute them.
    private static bool IsHttp(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);

    private static string[] SplitWords(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static string? HostOf(Uri uri)
    {
        try
        {
            // Lookalikes of digits and dots are an address to some resolvers and a name to others.
            return uri.IdnHost.Trim('.') is { Length: > 0 } && !uri.Host.Any(IsLookalike) ? uri.IdnHost : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private static bool IsLookalike(char character) => !char.IsAscii(character) && (!char.IsLetter(character) || character >= '\uFF00');
}
