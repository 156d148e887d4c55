using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Data;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Scopes;
using ModelContextProtocol.Protocol;
using Npgsql;
using Tool = LlmRing.Modules.Mcp.Data.Tool;

namespace LlmRing.Modules.Mcp.ExecuteTool;

/// <summary>POST /api/v1/mcp/tools/{id}/execute records what the client ran, or runs the tool and records that.</summary>
internal sealed class ExecuteToolEndpoint(
    OfferRepository offers,
    ServerRepository servers,
    ExecutionRepository executions,
    IConversationOwnership conversations,
    McpConnections connections)
    : Endpoint<ExecuteToolRequest, Execution>
{
    // Recording does not end with the caller's connection, but it does end.
    private static readonly TimeSpan RecordingPatience = TimeSpan.FromSeconds(10);

    public override void Configure()
    {
        Post("/api/v1/mcp/tools/{id}/execute");
        Summary(summary =>
        {
            summary.Summary = "Execute a tool, or record its execution";
            summary.Description = "With output or error the client has run the tool, and it is recorded. With neither it is run on its MCP server; "
                + "an execution that failed, timed out or did not reach the server is answered and recorded with error.";
            summary.ExampleRequest = new ExecuteToolRequest { Input = JsonElement.Parse("""{"city": "Bern"}""") };
            summary.Response<Execution>(200, "The execution; output is what the MCP server answered.");
            summary.Response<ErrorBody>(404, "There is no such tool, or conversation.");
            summary.Response<ErrorBody>(409, "The server is not active.");
            summary.Response<ErrorBody>(503, "Too many calls are waiting for this server; nothing was run.");
        });
    }

    public override async Task HandleAsync(ExecuteToolRequest req, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await offers.FindToolAsync(scope, req.Id, ct) is not { } tool)
        {
            await Send.NotFoundAsync("Tool", ct);
            return;
        }

        if (req.ConversationId is { } conversation && !await conversations.OwnsAsync(scope, conversation, ct))
        {
            await Send.NotFoundAsync("Conversation", ct);
            return;
        }

        Execution? execution;
        if (req.Output is not null || req.Error is not null)
        {
            execution = await executions.AddAsync(scope, tool.Id, req.ConversationId, req.Input, req.Output, req.Error, req.DurationMs, ct);
        }
        else
        {
            if (tool.ServerId is not { } serverId || await servers.FindAsync(scope, serverId, ct) is not { } server)
            {
                await Send.NotFoundAsync("Server", ct);
                return;
            }

            if (!server.IsActive)
            {
                await Send.DetailAsync(409, "The server is not active", ct);
                return;
            }

            try
            {
                execution = await RunAsync(scope, server, tool, req, ct);
            }
            catch (McpFailureException failure)
            {
                await Send.FailureAsync(failure, ct);
                return;
            }
        }

        if (execution is not null)
            await Send.OkAsync(execution, ct);
        else
            await Send.NotFoundAsync("Tool", ct);
    }

    private async Task<Execution?> RunAsync(Scope scope, Server server, Tool tool, ExecuteToolRequest req, CancellationToken ct)
    {
        var started = Stopwatch.GetTimestamp();
        JsonElement? output = null;
        string? error;
        try
        {
            var parameters = new JsonObject { ["name"] = tool.Name, ["arguments"] = JsonObject.Create(req.Input!.Value) };
            output = await connections.RequestAsync(scope, server, RequestMethods.ToolsCall, parameters, mayRepeat: false, ct);
            error = ErrorOf(output.Value);
        }
        catch (McpFailureException failure) when (failure.WasAttempted)
        {
            error = failure.Message;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            error = "Cancelled: the caller went away";
        }

        var duration = (int)Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        using var patience = new CancellationTokenSource(RecordingPatience);
        try
        {
            return await executions.AddAsync(scope, tool.Id, req.ConversationId, req.Input, output, error, duration, patience.Token);
        }
        catch (PostgresException refused) when (output is not null && refused.SqlState.StartsWith("22", StringComparison.Ordinal))
        {
            // E.g. a number that jsonb does not hold. The tool ran: that much is recorded.
            return await executions.AddAsync(scope, tool.Id, req.ConversationId, req.Input, null, $"The result cannot be stored: {refused.MessageText}", duration, patience.Token);
        }
    }

    /// <summary>What a result that says <c>isError</c> says in its texts.</summary>
    private static string? ErrorOf(JsonElement result)
    {
        if (result.ValueKind is not JsonValueKind.Object || !result.TryGetProperty("isError", out var isError) || isError.ValueKind is not JsonValueKind.True)
            return null;

        var texts = result.TryGetProperty("content", out var content) && content.ValueKind is JsonValueKind.Array
            ? content.EnumerateArray()
                .Where(block => block.ValueKind is JsonValueKind.Object && block.TryGetProperty("text", out var text) && text.ValueKind is JsonValueKind.String)
                .Select(block => block.GetProperty("text").GetString())
            : [];
        return string.Join("\n", texts) is { Length: > 0 } said ? said : "The tool failed without saying why";
    }
}

internal sealed record ExecuteToolRequest
{
    public Guid Id { get; init; }

    public JsonElement? Input { get; init; }

    public Guid? ConversationId { get; init; }

    public JsonElement? Output { get; init; }

    public string? Error { get; init; }

    public int? DurationMs { get; init; }
}

internal sealed class ExecuteToolValidator : Validator<ExecuteToolRequest>
{
    public ExecuteToolValidator()
    {
        RuleFor(request => request.Input).NotNull().IsObject();
        RuleFor(request => request.Output).IsShallow();
        RuleFor(request => request.DurationMs).GreaterThanOrEqualTo(0);
    }
}
