using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using ModelContextProtocol.Protocol;
using Prompt = LlmRing.Modules.Mcp.Data.Prompt;

namespace LlmRing.Modules.Mcp.RenderPrompt;

/// <summary>POST /api/v1/mcp/prompts/{id}/render lets the MCP server render a prompt.</summary>
internal sealed class RenderPromptEndpoint(OfferRepository offers, ServerRepository servers, McpConnections connections) : Endpoint<RenderPromptRequest, RenderPromptResponse>
{
    public override void Configure()
    {
        Post("/api/v1/mcp/prompts/{id}/render");
        Summary(summary =>
        {
            summary.Summary = "Render a prompt";
            summary.Description = "The body is the object of the arguments, or {\"arguments\": {…}}.";
            summary.ExampleRequest = new RenderPromptRequest { Body = JsonElement.Parse("""{"city": "Bern"}""") };
            summary.Response<RenderPromptResponse>(200, "The prompt as the MCP server rendered it.");
            summary.Response<ErrorBody>(404, "There is no such prompt.");
            summary.Response<ErrorBody>(502, "The MCP server cannot be reached or answers with an error.");
            summary.Response<ErrorBody>(504, "The MCP server did not answer in time.");
        });
    }

    public override async Task HandleAsync(RenderPromptRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await offers.FindPromptAsync(scope, req.Id, ct) is not { } prompt)
        {
            await Send.NotFoundAsync("Prompt", ct);
            return;
        }

        if (prompt.ServerId is not { } serverId || await servers.FindAsync(scope, serverId, ct) is not { } server)
        {
            await Send.NotFoundAsync("Server", ct);
            return;
        }

        var arguments = req.Arguments();
        try
        {
            var parameters = new JsonObject { ["name"] = prompt.Name, ["arguments"] = JsonObject.Create(arguments) };
            var rendered = await connections.RequestAsync(scope, server, RequestMethods.PromptsGet, parameters, mayRepeat: true, ct);
            var messages = rendered.ValueKind is JsonValueKind.Object && rendered.TryGetProperty("messages", out var found) ? found : (JsonElement?)null;
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

    /// <summary>The body itself, or its member <c>arguments</c> where it has no other one.</summary>
    public JsonElement Arguments() => Body switch
    {
        null => NoArguments,
        { } body when body.EnumerateObject().Count() == 1 && body.TryGetProperty("arguments", out var inner) && inner.ValueKind is JsonValueKind.Object => inner,
        { } body => body,
    };
}

internal sealed record RenderPromptResponse(Prompt Prompt, JsonElement Arguments, JsonElement Rendered, JsonElement? Messages);

internal sealed class RenderPromptValidator : Validator<RenderPromptRequest>
{
    public RenderPromptValidator() => RuleFor(request => request.Body).IsObject();
}
