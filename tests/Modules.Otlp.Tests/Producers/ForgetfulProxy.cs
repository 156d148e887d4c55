using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Otlp.Tests.Producers;

/// <summary>A proxy that passes each export on, and loses the first answer: the sender gets 503 although the export was stored.</summary>
public sealed class ForgetfulProxy : IAsyncDisposable
{
    private readonly HttpClient _http = new();
    private readonly WebApplication _application = WebApplication.CreateSlimBuilder().Build();
    private int _exports;

    private ForgetfulProxy(Uri server)
    {
        _application.Urls.Add("http://127.0.0.1:0");
        _application.Run(context => PassOnAsync(context, server));
    }

    public Uri Address => new(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>Number of exports that were passed on.</summary>
    public int Exports => _exports;

    public static async Task<ForgetfulProxy> StartAsync(Uri server)
    {
        var proxy = new ForgetfulProxy(server);
        await proxy._application.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _http.Dispose();
    }

    private async Task PassOnAsync(HttpContext context, Uri server)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, context.Request.Path)) { Content = new ByteArrayContent(body.ToArray()) };
        foreach (var name in (string[])["Content-Type", "Content-Encoding"])
            request.Content.Headers.TryAddWithoutValidation(name, context.Request.Headers[name].ToArray());
        request.Headers.TryAddWithoutValidation("x-api-key", context.Request.Headers["x-api-key"].ToString());
        using var answer = await _http.SendAsync(request);
        context.Response.StatusCode = (int)answer.StatusCode;
        if (Interlocked.Increment(ref _exports) > 1)
            return;
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        context.Response.Headers.RetryAfter = "1";
    }
}
