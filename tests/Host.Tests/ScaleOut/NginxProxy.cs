using System.Diagnostics;
using System.Text.RegularExpressions;
using LlmRing.Testing;

namespace LlmRing.Host.Tests.ScaleOut;

/// <summary>A real nginx with <c>deploy/nginx.conf</c>, on free ports and without TLS.</summary>
internal sealed partial class NginxProxy : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly Process _process;

    private NginxProxy(DirectoryInfo folder, Process process, Uri address) => (_folder, _process, Address) = (folder, process, address);

    public Uri Address { get; }

    /// <param name="ports">Ports of the three servers.</param>
    public static async Task<NginxProxy> StartAsync(int[] ports)
    {
        var folder = Directory.CreateTempSubdirectory("llmring-nginx-");
        var (port, plainPort) = (Ports.FindFree(), Ports.FindFree());
        var site = (await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "nginx.conf")))
            .Replace("listen 443 ssl;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal)
            .Replace("listen 80;", $"listen 127.0.0.1:{plainPort};", StringComparison.Ordinal);
        site = Certificates().Replace(site, "");
        for (var i = 0; i < ports.Length; i++)
            site = site.Replace($"127.0.0.1:{8001 + i} ", $"127.0.0.1:{ports[i]} ", StringComparison.Ordinal);

        var configuration = Path.Combine(folder.FullName, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            {{(Environment.UserName is "root" ? "user root;" : "")}}
            daemon off;
            worker_processes 2;
            pid {{folder.FullName}}/nginx.pid;
            error_log {{folder.FullName}}/error.log warn;
            events { worker_connections 256; }
            http {
                access_log {{folder.FullName}}/access.log;
                client_body_temp_path {{folder.FullName}}/body;
                proxy_temp_path {{folder.FullName}}/proxy;
                fastcgi_temp_path {{folder.FullName}}/fastcgi;
                uwsgi_temp_path {{folder.FullName}}/uwsgi;
                scgi_temp_path {{folder.FullName}}/scgi;
                {{site}}
            }
            """);
        var process = Process.Start(new ProcessStartInfo("nginx", ["-p", folder.FullName, "-e", $"{folder.FullName}/error.log", "-c", configuration]))!;
        var proxy = new NginxProxy(folder, process, new Uri($"http://127.0.0.1:{port}"));
        using var client = new ApiClient(proxy.Address, null);
        await Eventually.HoldsAsync(async () => (await client.GetAsync("/health")).Status == 200);
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        using (var stop = Process.Start("kill", ["-QUIT", $"{_process.Id}"]))
            await stop.WaitForExitAsync();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    [GeneratedRegex(@"^\s*ssl_.*$", RegexOptions.Multiline)]
    private static partial Regex Certificates();
}
