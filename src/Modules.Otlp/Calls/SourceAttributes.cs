namespace LlmRing.Modules.Otlp.Calls;

/// <summary>
/// The attributes of spans and log records that name the members of a usage, by source. Of several names the first one that is present
/// counts. All generations of names stay in use for years, because instrumentations keep theirs until the program opts in.
/// </summary>
/// <remarks>
/// <para><c>gen_ai.*</c>: the GenAI conventions of OpenTelemetry from 1.26 on; <c>cache_write</c> is the later name of
/// <c>cache_creation</c> (open-telemetry/semantic-conventions-genai, pull request 440).</para>
/// <para><c>gen_ai.usage.prompt_tokens</c>, <c>llm.usage.*</c>, <c>llm.request.type</c>, <c>traceloop.*</c>: OpenLLMetry.</para>
/// <para><c>llm.token_count.*</c>, <c>llm.model_name</c>, <c>openinference.span.kind</c>: OpenInference.</para>
/// <para><c>ai.*</c>: the AI SDK of Vercel, versions 3 to 7. <c>gen_ai.usage.*_tokens_details.*</c>: OpenLIT.</para>
/// <para><c>gen_ai.usage.details.*</c>, <c>gen_ai.usage.raw</c>, <c>operation.cost</c>: Pydantic AI and Logfire. <c>langsmith.*</c>:
/// LangSmith. <c>litellm.*</c>: LiteLLM. <c>anthropic.*</c>: Anthropic's SDK. <c>gcp.vertex.agent.*</c>: Google ADK.</para>
/// </remarks>
internal static class SourceAttributes
{
    public const string Operation = "gen_ai.operation.name";
    public const string OpenInferenceKind = "openinference.span.kind";
    public const string AiOperation = "ai.operationId";
    public const string RequestType = "llm.request.type";
    public const string SpanType = "span.type";
    public const string TraceloopKind = "traceloop.span.kind";
    public const string SpringKind = "spring.ai.kind";
    public const string LogfireType = "logfire.span_type";
    public const string LangSmithKind = "langsmith.span.kind";

    public const string UncachedInput = "ai.usage.inputTokenDetails.noCacheTokens";
    public const string CacheWrite5Minutes = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens";
    public const string CacheWrite1Hour = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens";

    /// <summary>JSON whose member <c>anthropic.usage</c> is Anthropic's usage object.</summary>
    public const string ProviderMetadata = "ai.response.providerMetadata";

    /// <summary>The usage object of the provider as JSON.</summary>
    public const string RawUsage = "gen_ai.usage.raw";

    /// <summary>The text of a Python dictionary, e.g. <c>{'cache_read': 1024}</c>.</summary>
    public const string InputDetails = "gen_ai.usage.input_token_details";

    /// <summary>JSON whose member <c>usage_metadata</c> is the usage object of Gemini.</summary>
    public const string VertexResponse = "gcp.vertex.agent.llm_response";

    public const string ServiceName = "service.name";
    public const string Alias = "llmring.alias";
    public const string Profile = "llmring.profile";
    public const string ErrorType = "error.type";
    public const string RequestId = "request_id";
    public const string EventName = "event.name";
    public const string EventKind = "event.kind";
    public const string EventTimestamp = "event.timestamp";
    public const string EventSequence = "event.sequence";
    public const string SessionId = "session.id";
    public const string CodexConversation = "conversation.id";
    public const string DurationMs = "duration_ms";

    /// <summary>The names of most sources.</summary>
    public static TokenAttributes General { get; } = new(
        Input:
        [
            "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "ai.usage.inputTokens",
            "ai.usage.promptTokens", "ai.usage.tokens", "llm.usage.prompt_tokens",
        ],
        Output:
        [
            "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion", "ai.usage.outputTokens",
            "ai.usage.completionTokens", "llm.usage.completion_tokens",
        ],
        CacheRead:
        [
            "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_read_tokens",
            "gen_ai.usage.details.cache_read_tokens", "gen_ai.usage.prompt_tokens_details.cached_tokens",
            "gen_ai.usage.input_cached_tokens", "gen_ai.usage.cached_tokens", "llm.token_count.prompt_details.cache_read",
            "ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens",
        ],
        CacheWrite:
        [
            "gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens", "gen_ai.usage.cache_write_input_tokens", "gen_ai.usage.cache_write_tokens",
            "gen_ai.usage.details.cache_write_tokens", "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
            "llm.token_count.prompt_details.cache_write", "ai.usage.inputTokenDetails.cacheWriteTokens",
        ],
        Reasoning:
        [
            "gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.completion_tokens_details.reasoning_tokens", "gen_ai.usage.details.reasoning_tokens",
            "llm.token_count.completion_details.reasoning", "ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens",
        ]);

    /// <summary>The names of Claude Code, in its spans and its log records.</summary>
    public static TokenAttributes ClaudeCode { get; } =
        new(["input_tokens"], ["output_tokens"], ["cache_read_tokens"], ["cache_creation_tokens"], []);

    /// <summary>The names of the Codex CLI, in its log records.</summary>
    public static TokenAttributes Codex { get; } =
        new(["input_token_count"], ["output_token_count"], ["cached_token_count"], [], ["reasoning_token_count"]);

    public static IReadOnlyList<string> TotalTokens { get; } =
        ["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens"];

    public static IReadOnlyList<string> Models { get; } =
    [
        "gen_ai.response.model", "ai.response.model", "llm.response.model_name", "llm.model_name", "gen_ai.request.model", "ai.model.id",
        "litellm.provider.model", "model", "slug",
    ];

    public static IReadOnlyList<string> Providers { get; } =
        ["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"];

    public static IReadOnlyList<string> ResponseIds { get; } = ["gen_ai.response.id", "ai.response.id", RequestId];

    public static IReadOnlyList<string> ServiceTiers { get; } =
        ["anthropic.response.service_tier", "openai.response.service_tier", "gen_ai.openai.response.service_tier"];

    public static IReadOnlyList<string> Costs { get; } =
    [
        "gen_ai.usage.cost", "llm.cost.total", "operation.cost", "litellm.cost.total", "gen_ai.cost.total_cost", "cost_usd",
    ];

    public static IReadOnlyList<string> Conversations { get; } =
    [
        "gen_ai.conversation.id", SessionId, "ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.conversationId",
        "traceloop.association.properties.conversation_id", "traceloop.association.properties.chat_id",
        "traceloop.association.properties.session_id", "langsmith.trace.session_id", "gcp.vertex.agent.session_id", CodexConversation,
    ];

    public static IReadOnlyList<string> Users { get; } =
        ["user.id", "ai.telemetry.metadata.userId", "traceloop.association.properties.user_id"];

    public static IReadOnlyList<string> FinishReasons { get; } =
    [
        "gen_ai.response.finish_reasons", "gen_ai.response.finish_reason", "ai.response.finishReason", "llm.finish_reason",
        "anthropic.message.stop_reason",
    ];

    /// <summary>Attributes that hold an object as text, and may be long.</summary>
    public static IReadOnlyList<string> Objects { get; } = [ProviderMetadata, RawUsage, InputDetails, VertexResponse];

    /// <summary>Attributes that are read for themselves.</summary>
    public static IReadOnlyList<string> Single { get; } =
    [
        Operation, OpenInferenceKind, AiOperation, RequestType, SpanType, TraceloopKind, SpringKind, LogfireType, LangSmithKind,
        UncachedInput, CacheWrite5Minutes, CacheWrite1Hour, ServiceName, Alias, Profile, ErrorType, EventName, EventKind, EventTimestamp,
        EventSequence, DurationMs,
    ];
}

/// <summary>The attributes of the counts of a source.</summary>
/// <param name="Input">Input tokens as sent: with or without cached ones, see <see cref="InputCounting"/>.</param>
/// <param name="Output">Output tokens, reasoning included.</param>
/// <param name="CacheRead">Tokens read from the provider's cache.</param>
/// <param name="CacheWrite">Tokens written to the provider's cache, for any time.</param>
/// <param name="Reasoning">Tokens of reasoning, a part of the output.</param>
internal sealed record TokenAttributes(
    IReadOnlyList<string> Input,
    IReadOnlyList<string> Output,
    IReadOnlyList<string> CacheRead,
    IReadOnlyList<string> CacheWrite,
    IReadOnlyList<string> Reasoning)
{
    public IEnumerable<string> All => [.. Input, .. Output, .. CacheRead, .. CacheWrite, .. Reasoning];
}
