using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Mcp.Connections;
using LlmRing.Modules.Mcp.Features;
using LlmRing.Modules.Mcp.Storage;
using LlmRing.Modules.Mcp.Validation;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Npgsql;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Mcp.ExecuteTool;

/// <summary>
/// POST /api/v1/mcp/tools/{id}/execute records an execution by the client, or executes the tool on its MCP server and records that.
/// </summary>
internal sealed class ExecuteToolEndpoint(
    ToolRepository tools,
    ExecutionRepository executions,
    IConversationOwnership conversations,
    McpGateway gateway,
    TimeProvider time)
    : Endpoint<ExecuteToolRequest, Execution>
{
    // An execution is recorded although its caller has left, so the caller's token cannot bound the write.
    private static readonly TimeSpan RecordTimeout = TimeSpan.FromSeconds(10);

    public override void Configure()
    {
        Post("/api/v1/mcp/tools/{id}/execute");
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Summary(summary =>
        {
            summary.Summary = "Execute a tool, or record its execution";
            summary.Description = """
                With output or error the client has executed the tool, and the execution is recorded. With neither the tool is executed on
                its MCP server; an execution that failed, timed out or did not reach the server is answered and recorded with error.
                """;
            summary.ExampleRequest = new ExecuteToolRequest { Input = JsonElement.Parse("""{"city": "Bern"}""") };
            summary.Response<Execution>(StatusCodes.Status200OK, "The execution; output is what the MCP server answered.");
            summary.Response<ErrorBody>(
                StatusCodes.Status404NotFound, "The scope has no such tool or conversation, or the tool to execute has no server.");
            summary.Response<ErrorBody>(StatusCodes.Status409Conflict, "The server is not active.");
            summary.Response<ErrorBody>(
                StatusCodes.Status503ServiceUnavailable, "Too many calls are waiting for MCP servers; nothing was executed.");
        });
    }

    public override async Task HandleAsync(ExecuteToolRequest request, CancellationToken ct)
    {
        var scope = HttpContext.GetScope();
        if (await tools.FindAsync(scope, request.Id, ct) is not { } tool)
        {
            await Send.NotFoundAsync("Tool", ct);
            return;
        }

        if (request.ConversationId is { } conversation && !await conversations.OwnsAsync(scope, conversation, ct))
        {
            await Send.NotFoundAsync("Conversation", ct);
            return;
        }

        try
        {
            var execution = request.IsExecuted
                ? await RecordAsync(scope, tool, request, ct)
                : await ExecuteAsync(scope, tool, request, ct);
            if (execution is not null)
                await Send.OkAsync(execution, ct);
            else
                await Send.NotFoundAsync("Tool", ct);
        }
        catch (McpFailureException failure)
        {
            await Send.FailureAsync(failure, ct);
        }
    }

    private Task<Execution?> RecordAsync(Scope scope, Tool tool, ExecuteToolRequest request, CancellationToken ct)
    {
        // An adopted tool may have no server; the client executed it all the same.
        if (tool.Server is not null)
            tool.Server.RequireActive();

        var execution = new Execution
        {
            ToolId = tool.Id,
            ConversationId = request.ConversationId,
            Input = RawJson.Of(request.Input),
            Output = RawJson.Of(request.Output),
            Error = request.Error,
            DurationMs = request.DurationMs,
        };
        return executions.AddAsync(scope, execution, ct);
    }

    private async Task<Execution?> ExecuteAsync(Scope scope, Tool tool, ExecuteToolRequest request, CancellationToken ct)
    {
        var server = tool.Server.RequireActive();
        var started = time.GetTimestamp();
        JsonElement? output = null;
        string? error;
        try
        {
            var arguments = JsonObject.Create(request.Input!.Value)!;
            var answer = await gateway.CallToolAsync(server, tool.Name, tool.InputSchema, arguments, ct);
            // The execution that is recorded and sent contains the answer.
            HttpContext.Response.RegisterForDispose(answer);
            output = answer.Value;
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

        var execution = new Execution
        {
            ToolId = tool.Id,
            ConversationId = request.ConversationId,
            Input = RawJson.Of(request.Input),
            Output = RawJson.Of(output),
            Error = error,
            DurationMs = (int)time.GetElapsedTime(started).TotalMilliseconds,
        };
        using var timeout = new CancellationTokenSource(RecordTimeout, time);
        try
        {
            return await executions.AddAsync(scope, execution, timeout.Token);
        }
        catch (PostgresException refused) when (output is not null && refused.SqlState.StartsWith("22", StringComparison.Ordinal))
        {
            // jsonb refuses some JSON, e.g. numbers out of its range. The tool was executed, so the execution is recorded without it.
            var withoutOutput = execution with { Output = null, Error = $"The result cannot be stored: {refused.MessageText}" };
            return await executions.AddAsync(scope, withoutOutput, timeout.Token);
        }
    }

    /// <summary>The texts of a result with <c>isError</c>; null for another result.</summary>
    private static string? ErrorOf(JsonElement result)
    {
        if (result.ValueKind is not JsonValueKind.Object
            || !result.TryGetProperty("isError", out var isError)
            || isError.ValueKind is not JsonValueKind.True)
            return null;

        var texts = result.TryGetProperty("content", out var content) && content.ValueKind is JsonValueKind.Array
            ? content.EnumerateArray().Select(TextOf).OfType<string>()
            : [];
        return string.Join("\n", texts) is { Length: > 0 } text ? text : "The tool failed without saying why";
    }

    private static string? TextOf(JsonElement block) =>
        block.ValueKind is JsonValueKind.Object && block.TryGetProperty("text", out var text) && text.ValueKind is JsonValueKind.String
            ? text.GetString()
            : null;
}

internal sealed record ExecuteToolRequest
{
    public Guid Id { get; init; }
    public JsonElement? Input { get; init; }
    public Guid? ConversationId { get; init; }
    public JsonElement? Output { get; init; }
    public string? Error { get; init; }

    /// <summary>Milliseconds that an execution by the client took.</summary>
    public int? DurationMs { get; init; }

    /// <summary>Whether the client has executed the tool itself.</summary>
    [JsonIgnore]
    public bool IsExecuted => Output is not null || Error is not null;
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
