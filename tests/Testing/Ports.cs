using System.Net;
using System.Net.Sockets;

namespace LlmRing.Testing;

/// <summary>TCP ports of this machine for the servers that tests start.</summary>
public static class Ports
{
    /// <summary>A port of 127.0.0.1 on which nothing listens; another process may take the port before the caller does.</summary>
    public static int FindFree()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
