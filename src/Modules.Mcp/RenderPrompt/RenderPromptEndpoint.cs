using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;
using Prompt = LlmRing.Modules.Mcp.Features.Prompt;

namespace LlmRing.Modules.Mcp.RenderPrompt;

/// <summary>POST /api/v1/mcp/prompts/{id}/render has the MCP server render a prompt.</summary>
internal sealed class RenderPromptEndpoint(PromptRepository prompts, McpGateway gateway)
    : Endpoint<RenderPromptRequest, RenderPromptResponse>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/prompts/{id}/render");
        Summary(summary =>
        {
            summary.Summary = "Render a prompt";
            summary.Description = """The body is the object of the arguments, or {"arguments": {…}}.""";
            summary.ExampleRequest = new RenderPromptRequest { Body = JsonElement.Parse("""{"city": "Bern"}""") };
            summary.Response<RenderPromptResponse>(StatusCodes.Status200OK, "The prompt as the MCP server rendered it.");
            summary.Response<ErrorBody>(StatusCodes.Status404NotFound, "The scope has no such prompt, or the prompt has no server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server is not active.");
            summary.Response<ErrorBody>(StatusCodes.Status502BadGateway, "The MCP server cannot be reached, or answers with an error.");
            summary.Response<ErrorBody>(StatusCodes.Status503ServiceUnavailable, "Too many calls, or too long answers, are under way.");
            summary.Response<ErrorBody>(StatusCodes.Status504GatewayTimeout, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(RenderPromptRequest request, CancellationToken ct)
    {
        if (await prompts.FindAsync(HttpContext.GetScope(), request.Id, ct) is not { } prompt)
        {
            await Send.NotFoundAsync("Prompt", ct);
            return;
        }

        var arguments = request.Arguments();
        try
        {
            var parameters = new JsonObject { ["name"] = prompt.Name, ["arguments"] = JsonObject.Create(arguments) };
            using var answer = await gateway.RequestAsync(
                prompt.Server.RequireActive(), RequestMethods.PromptsGet, parameters, isIdempotent: true, ct);
            var rendered = answer.Value;
            var messages = rendered.ValueKind is JsonValueKind.Object && rendered.TryGetProperty("messages", out var found)
                ? found
                : (JsonElement?)null;
            await Send.OkAsync(new RenderPromptResponse(prompt, arguments, rendered, messages), ct);
        }
        catch (McpFailureException failure)
        {
            await Send.FailureAsync(failure, ct);
        }
    }
}

internal sealed record RenderPromptRequest
{
    private static readonly JsonElement NoArguments = JsonElement.Parse("{}");

    public Guid Id { get; init; }

    [FromBody]
    public JsonElement? Body { get; init; }

    /// <summary>The body, or the member <c>arguments</c> where it is the body's only one.</summary>
    public JsonElement Arguments() => Body switch
    {
        null => NoArguments,
        { } body when body.EnumerateObject().Count() == 1
            && body.TryGetProperty("arguments", out var inner)
            && inner.ValueKind is JsonValueKind.Object => inner,
        { } body => body,
    };
}

internal sealed record RenderPromptResponse(Prompt Prompt, JsonElement Arguments, JsonElement Rendered, JsonElement? Messages);

internal sealed class RenderPromptValidator : Validator<RenderPromptRequest>
{
    public RenderPromptValidator() => RuleFor(request => request.Body).IsObject();
}
