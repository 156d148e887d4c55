using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LlmRing.Host.Tests.Telemetry;

/// <summary>An OTLP collector (HTTP, protobuf) that keeps the exported bytes as text, in which names and values are readable.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, string> _received = new();
    private readonly WebApplication _application;

    private OtlpReceiver(WebApplication application) => _application = application;

    /// <summary>The URL for <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>.</summary>
    public string Address => _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    /// <summary>The spans received so far.</summary>
    public string Traces => _received.GetValueOrDefault("/v1/traces", "");

    /// <summary>The metrics received so far.</summary>
    public string Metrics => _received.GetValueOrDefault("/v1/metrics", "");

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var application = builder.Build();
        var receiver = new OtlpReceiver(application);
        application.Urls.Add("http://127.0.0.1:0");
        application.Run(receiver.ReceiveAsync);
        await application.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var text = Encoding.UTF8.GetString(body.ToArray());
        _received.AddOrUpdate(context.Request.Path, text, (_, earlier) => earlier + text);
    }
}
