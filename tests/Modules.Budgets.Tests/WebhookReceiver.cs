using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace LlmRing.Modules.Budgets.Tests;

/// <summary>A receiver of webhooks that fails a number of times first, or never answers.</summary>
internal sealed class WebhookReceiver : IAsyncDisposable
{
    private readonly WebApplication _application;
    private int _failures;

    private WebhookReceiver(int failures, bool hangs)
    {
        _failures = failures;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _application = builder.Build();
        _application.Urls.Add("http://127.0.0.1:0");
        _application.MapPost("/hook", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body);
            Received.Enqueue(new ReceivedWebhook(request.Headers["X-LLMRing-Signature"].ToString(), await reader.ReadToEndAsync()));
            if (hangs)
                await Task.Delay(Timeout.Infinite, request.HttpContext.RequestAborted);
            return Interlocked.Decrement(ref _failures) >= 0 ? Results.StatusCode(500) : Results.Ok();
        });
    }

    public ConcurrentQueue<ReceivedWebhook> Received { get; } = new();

    public string Url => $"{_application.Urls.First()}/hook";

    public static async Task<WebhookReceiver> StartAsync(int failures = 0, bool hangs = false)
    {
        var receiver = new WebhookReceiver(failures, hangs);
        await receiver._application.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();
}

internal sealed record ReceivedWebhook(string Signature, string Body)
{
    public JsonNode Json => JsonNode.Parse(Body)!;

    /// <summary>Checks the signature as the documentation says.</summary>
    public bool IsSignedWith(string secret, DateTimeOffset now)
    {
        var parts = Signature.Split(',').Select(part => part.Split('=')).ToDictionary(part => part[0], part => part[1]);
        var expected = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"{parts["t"]}.{Body}"));
        var age = now - DateTimeOffset.FromUnixTimeSeconds(long.Parse(parts["t"], System.Globalization.CultureInfo.InvariantCulture));
        return CryptographicOperations.FixedTimeEquals(expected, Convert.FromHexString(parts["v1"]))
            && age.Duration() < TimeSpan.FromMinutes(5);
    }
}
