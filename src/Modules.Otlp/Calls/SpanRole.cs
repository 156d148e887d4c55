using System.Collections.Frozen;
using LlmRing.Modules.Otlp.Wire;

namespace LlmRing.Modules.Otlp.Calls;

/// <summary>The part that a span plays in the billing of its trace.</summary>
internal enum SpanRole
{
    /// <summary>A wrapper, or a span that has nothing to do with models.</summary>
    Other,

    /// <summary>The run of a tool: calls below it are no part of the call above it.</summary>
    Tool,

    /// <summary>A call of a model with counts. It is billed unless another call lies below it.</summary>
    Call,
}

/// <summary>Tells the roles of spans. Token counts alone make no call: agents, workflows and steps repeat those of their calls.</summary>
internal static class SpanRoles
{
    private const string Agent = "AGENT";

    private static readonly FrozenSet<string> CallOperations = FrozenSet.ToFrozenSet(
    [
        "chat", "generate_content", "text_completion", "embeddings", "completion", "text_completions", "embedding", "image_generation",
    ]);

    private static readonly FrozenSet<string> WrapperOperations = FrozenSet.ToFrozenSet(
    [
        "invoke_agent", "create_agent", "invoke_workflow", "handle_conversation_turn", "plan", "execute_tool", "retrieval", "agent_step",
        "framework", "chain", "task", "agent", "execute_task", "model_request", "tool_coordination", "vectordb",
    ]);

    private static readonly FrozenSet<string> MarkNames = FrozenSet.ToFrozenSet(
    [
        SourceAttributes.Operation, SourceAttributes.OpenInferenceKind, SourceAttributes.AiOperation, SourceAttributes.RequestType,
        SourceAttributes.SpanType,
    ]);

    // Sources that report counts on the span of the agent and have no spans of calls.
    private static readonly FrozenSet<string> AgentOnlyScopes = FrozenSet.ToFrozenSet(["openinference.instrumentation.claude_agent_sdk"]);

    public static SpanRole Of(TelemetryRecord span)
    {
        var attributes = span.Attributes;
        var operation = attributes.TextOf(SourceAttributes.Operation)?.ToLowerInvariant();
        var kind = attributes.TextOf(SourceAttributes.OpenInferenceKind);
        var aiOperation = attributes.TextOf(SourceAttributes.AiOperation);
        var traceloopKind = attributes.TextOf(SourceAttributes.TraceloopKind);
        if (operation is "execute_tool" || kind is "TOOL" || traceloopKind is "tool" || aiOperation is "ai.toolCall")
            return SpanRole.Tool;

        var isWrapper = traceloopKind is not null
            || (operation is not null && (WrapperOperations.Contains(operation) || operation.EndsWith("_memory", StringComparison.Ordinal)))
            || (kind is not (null or "LLM" or "EMBEDDING") && !(kind is Agent && AgentOnlyScopes.Contains(span.Scope.Name)))
            || (aiOperation is not null && !IsAiCall(aiOperation))
            || attributes.TextOf(SourceAttributes.SpringKind) is "chat_client"
            || attributes.TextOf(SourceAttributes.LogfireType) is "pending_span"
            || attributes.TextOf(SourceAttributes.LangSmithKind) is not (null or "llm" or "embedding");
        return !isWrapper && IsCall(span, operation, kind, aiOperation) && HasCounts(span) ? SpanRole.Call : SpanRole.Other;
    }

    /// <summary>Whether a span that looks like a call lost its counts to the sender's limit of attributes.</summary>
    public static bool HasLostCounts(TelemetryRecord span) => span.HasDroppedAttributes && !HasCounts(span)
        && (span.Attributes.TextOf(SourceAttributes.OpenInferenceKind) is "LLM" or "EMBEDDING"
            || (span.Attributes.TextOf(SourceAttributes.Operation) is { } operation && CallOperations.Contains(operation)));

    /// <summary>The names of a span's counts.</summary>
    public static TokenAttributes TokensOf(TelemetryRecord record) =>
        record.Scope.Name.StartsWith("com.anthropic.claude_code", StringComparison.Ordinal)
            ? SourceAttributes.ClaudeCode
            : SourceAttributes.General;

    private static bool IsCall(TelemetryRecord span, string? operation, string? kind, string? aiOperation) =>
        (operation is not null && CallOperations.Contains(operation))
        || kind is not null
        || aiOperation is not null
        || span.Attributes.TextOf(SourceAttributes.RequestType) is "chat" or "completion" or "embedding"
        || span.Attributes.TextOf(SourceAttributes.SpanType) is "llm_request"
        || span.Name is "claude_code.llm_request"
        || (MarkNames.All(name => span.Attributes.Find(name) is null)
            && (span.Name is "call_llm"
                || (span.Kind == TelemetryRecord.ClientKind && span.Attributes.FirstTextOf(SourceAttributes.Models) is not null)));

    private static bool HasCounts(TelemetryRecord span) =>
        TokensOf(span) is var names
        && (names.Input.Concat(names.Output).Any(name => span.Attributes.TextOf(name) is not null)
            || names.CacheRead.Concat(names.CacheWrite).Any(name => span.Attributes.TextOf(name) is not null));

    private static bool IsAiCall(string operation) => operation.EndsWith(".doGenerate", StringComparison.Ordinal)
        || operation.EndsWith(".doStream", StringComparison.Ordinal) || operation.EndsWith(".doEmbed", StringComparison.Ordinal);
}
