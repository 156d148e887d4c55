using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace LlmRing.Modules.Otlp.Tests.Producers;

/// <summary>
/// A model over real HTTP with the API of OpenAI. It asks for the tool <c>weather</c> first and answers when it has the result. Each call
/// has 1,200 input tokens, of them 1,024 cached, and 90 output tokens, of them 64 of reasoning.
/// </summary>
public sealed class FakeModel : IAsyncDisposable
{
    private readonly WebApplication _application;
    private int _calls;

    private FakeModel(WebApplication application) => _application = application;

    public Uri Address => new(
        _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/v1");

    public static async Task<FakeModel> StartAsync()
    {
        var application = WebApplication.CreateSlimBuilder().Build();
        application.Urls.Add("http://127.0.0.1:0");
        var model = new FakeModel(application);
        application.MapPost("/v1/chat/completions", model.AnswerAsync);
        await application.StartAsync();
        return model;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var hasResult = (await reader.ReadToEndAsync()).Contains("\"role\":\"tool\"", StringComparison.Ordinal);
        var (message, reason) = hasResult
            ? ("""{"role": "assistant", "content": "It is cold."}""", "stop")
            : (
                """
                {"role": "assistant", "content": null, "tool_calls": [
                  {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Oslo\"}"}}]}
                """,
                "tool_calls");
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$"""
            {"id": "chatcmpl-{{Interlocked.Increment(ref _calls)}}", "object": "chat.completion", "created": 1795587462, "model": "gpt-4.1-2025-04-14",
             "choices": [{"index": 0, "finish_reason": "{{reason}}", "message": {{message}}}],
             "usage": {"prompt_tokens": 1200, "completion_tokens": 90, "total_tokens": 1290,
               "prompt_tokens_details": {"cached_tokens": 1024}, "completion_tokens_details": {"reasoning_tokens": 64} } }
            """);
    }
}
