using System.Net;
using System.Net.Sockets;
using LlmRing.Shared.Settings;
using Microsoft.AspNetCore.Connections;

namespace LlmRing.Host.Startup;

/// <summary>The address and port on which the server listens.</summary>
internal static class ListenAddress
{
    /// <summary>The address as Kestrel takes it.</summary>
    public static string UrlOf(ServerArguments arguments) =>
        $"http://{(arguments.Host.Contains(':', StringComparison.Ordinal) ? $"[{arguments.Host}]" : arguments.Host)}:{arguments.Port}";

    /// <summary>
    /// Tries the port before anything else starts: a server that cannot listen does not touch the database, and Kestrel logs
    /// no stack trace.
    /// </summary>
    /// <exception cref="OperatorErrorException">The port is taken, or the address is not one of this machine.</exception>
    public static void RequireFree(ServerArguments arguments)
    {
        try
        {
            using var listener = new TcpListener(
                IPAddress.TryParse(arguments.Host, out var address) ? address : IPAddress.Loopback, arguments.Port);
            listener.Start();
        }
        catch (SocketException exception)
        {
            throw ToOperatorError(arguments, exception);
        }
    }

    /// <summary>Whether a start failed because Kestrel could not listen.</summary>
    public static bool IsRefused(Exception failure) => failure is IOException { InnerException: AddressInUseException or SocketException };

    /// <summary>The one line for the operator.</summary>
    public static OperatorErrorException ToOperatorError(ServerArguments arguments, Exception exception) =>
        new($"Cannot listen on {arguments.Host}:{arguments.Port}: {exception.Message.ReplaceLineEndings(" ")}", exception);
}
