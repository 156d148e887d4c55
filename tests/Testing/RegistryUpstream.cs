using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Testing;

/// <summary>A registry upstream over real HTTP: serves files by path; a test may change them, delay answers or stop the server.</summary>
public sealed class RegistryUpstream : IAsyncDisposable
{
    private WebApplication? _application;
    private int _port;

    /// <summary>The served files by path, without a leading slash.</summary>
    public ConcurrentDictionary<string, string> Files { get; } = new(RegistryFiles.All);

    /// <summary>Number of requests by path.</summary>
    public ConcurrentDictionary<string, int> Requests { get; } = new();

    /// <summary>Number of 304 responses by path: the ETag of the client was current.</summary>
    public ConcurrentDictionary<string, int> NotModified { get; } = new();

    /// <summary>Delay before each response.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The base URL, with a trailing slash.</summary>
    public Uri Address => new($"http://127.0.0.1:{_port}/");

    /// <summary>Starts the server; after a stop, on the same port.</summary>
    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddLogging();
        _application = builder.Build();
        _application.Urls.Add($"http://127.0.0.1:{_port}");
        _application.Run(AnswerAsync);
        await _application.StartAsync();
        _port = new Uri(_application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
    }

    /// <summary>Stops the server: connections to its port are refused.</summary>
    public async Task StopAsync()
    {
        await _application!.StopAsync();
        await _application.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_application is not null)
            await _application.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!.TrimStart('/');
        Requests.AddOrUpdate(path, 1, (_, count) => count + 1);
        await Task.Delay(Delay, context.RequestAborted);
        if (!Files.TryGetValue(path, out var text))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var etag = $"\"{text.GetHashCode(StringComparison.Ordinal).ToString("x", CultureInfo.InvariantCulture)}\"";
        context.Response.Headers.ETag = etag;
        if (context.Request.Headers.IfNoneMatch == etag)
        {
            NotModified.AddOrUpdate(path, 1, (_, count) => count + 1);
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(text, context.RequestAborted);
    }
}

/// <summary>A small registry: three providers with round prices, so that expected costs are easy to compute.</summary>
public static class RegistryFiles
{
    /// <summary>The files by path.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["manifest.json"] = """
            {"version": "2026-01-02", "updated_at": "2026-01-02T00:00:00Z", "schema_version": "3.5",
             "providers": {
               "openai": {"file": "openai/models.json", "model_count": 2, "last_updated": "2026-01-01"},
               "anthropic": {"file": "anthropic/models.json", "model_count": 1, "last_updated": "2026-01-01"},
               "google": {"file": "google/models.json", "model_count": 1, "last_updated": "2026-01-01"}}}
            """,
        ["openai/models.json"] = Provider("openai", 7,
            Model("openai", "gpt-4.1", 2.0m, 8.0m, """{"dollars_per_million_tokens_cached_input": 0.5, "model_aliases": ["gpt-4.1-2025-04-14"], "supports_vision": true, "supports_function_calling": true, "supports_json_mode": true}"""),
            Model("openai", "gpt-4o-mini", 0.15m, 0.6m, """{"dollars_per_million_tokens_cached_input": 0.075, "supports_function_calling": true}""")),
        ["openai/v/6/models.json"] = Provider("openai", 6, Model("openai", "gpt-4.1", 3.0m, 12.0m, "{}")),
        ["anthropic/models.json"] = Provider("anthropic", 9,
            Model("anthropic", "claude-sonnet-4-5-20250929", 3.0m, 15.0m, """
                {"model_aliases": ["claude-sonnet-4-5"], "supports_vision": true,
                 "dollars_per_million_tokens_cache_read": 0.3, "dollars_per_million_tokens_cache_write_5m": 3.75, "dollars_per_million_tokens_cache_write_1h": 6.0,
                 "supports_long_context_pricing": true, "long_context_threshold_tokens": 200000,
                 "dollars_per_million_tokens_input_long_context": 6.0, "dollars_per_million_tokens_output_long_context": 22.5}
                """)),
        ["google/models.json"] = Provider("google", 5,
            Model("google", "gemini-2.5-flash", 0.3m, 2.5m, """{"dollars_per_million_tokens_output_thinking": 3.5, "supports_vision": true, "is_active": true}""")),
    };

    /// <summary>The models.json of a provider.</summary>
    public static string Provider(string provider, int version, params JsonObject[] models)
    {
        var byName = new JsonObject();
        foreach (var model in models)
            byName[$"{provider}:{model["model_name"]}"] = model;
        return new JsonObject { ["provider"] = provider, ["version"] = version, ["updated_at"] = "2026-01-01T00:00:00", ["models"] = byName }.ToJsonString();
    }

    /// <summary>A model with its base rates in USD per million tokens, and additional members as JSON.</summary>
    public static JsonObject Model(string provider, string name, decimal input, decimal output, string further)
    {
        var model = JsonNode.Parse(further)!.AsObject();
        model["provider"] = provider;
        model["model_name"] = name;
        model["display_name"] = name;
        model["dollars_per_million_tokens_input"] = input;
        model["dollars_per_million_tokens_output"] = output;
        return model;
    }
}
