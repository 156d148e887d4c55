using System.Text.Json.Nodes;
using LlmRing.Testing;

namespace LlmRing.Modules.Otlp.Tests.ExportTraces;

[ClassDataSource<ServerFixture>(Shared = SharedType.PerTestSession)]
public sealed class MappingTests(ServerFixture server)
{
    private const string Prompt = "a secret prompt";

    // Each a scope with its version, the attributes of a call, and the counts: input, cached, written for 5 minutes, for an hour, output, reasoning.
    public static IEnumerable<Func<Source>> Sources() =>
    [
        () => new("numbers as texts", "org.springframework.boot", "3", "1200/0/0/0/90/0", "openai",
            [("gen_ai.operation.name", "chat"), ("gen_ai.system", "openai"), ("gen_ai.request.model", "gpt-4.1"), ("gen_ai.response.model", "none"),
             ("gen_ai.usage.input_tokens", "1200"), ("gen_ai.usage.output_tokens", "90")]),
        () => new("whole numbers as doubles", "a", "1", "1200/0/0/0/90/0", "openai",
            [("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4.1"),
             ("gen_ai.usage.input_tokens", 1200.0), ("gen_ai.usage.output_tokens", 90.0)]),
        () => new("exclusive counts of Spring AI", "org.springframework.boot", "3", "2069/2048/0/0/393/0", "anthropic",
            [("gen_ai.operation.name", "chat"), ("gen_ai.system", "anthropic"), ("gen_ai.request.model", "claude-sonnet-4-5"),
             ("gen_ai.usage.input_tokens", "21"), ("gen_ai.usage.output_tokens", "393"), ("gen_ai.usage.cache_read.input_tokens", "2048")]),
        () => new("exclusive counts told by the source", "openlit.otel.tracing", "1", "5100/100/0/0/10/0", "anthropic",
            [("gen_ai.operation.name", "chat"), ("gen_ai.system", "anthropic"), ("gen_ai.request.model", "claude-sonnet-4-5"),
             ("gen_ai.usage.input_tokens", 5000), ("gen_ai.usage.output_tokens", 10), ("gen_ai.usage.cache_read.input_tokens", 100)]),
        () => new("exclusive counts told by the total", "a", "1", "1100/100/0/0/10/0", "aws.bedrock",
            [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "aws.bedrock"), ("gen_ai.request.model", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
             ("gen_ai.usage.input_tokens", 1000), ("gen_ai.usage.output_tokens", 10), ("gen_ai.usage.cache_read.input_tokens", 100),
             ("gen_ai.usage.total_tokens", 1110)]),
        () => new("inclusive counts of LangChain for Anthropic", "opentelemetry.instrumentation.langchain", "0.62", "5000/100/0/0/10/0", "anthropic",
            [("llm.request.type", "chat"), ("gen_ai.system", "Langchain"), ("gen_ai.request.model", "claude-sonnet-4-5"),
             ("gen_ai.usage.input_tokens", 5000), ("gen_ai.usage.output_tokens", 10), ("gen_ai.usage.cache_read_input_tokens", 100)]),
        () => new("counts in the metadata of the provider, AI SDK 5", "ai", "", "2257/2048/100/88/393/0", "anthropic",
            [("ai.operationId", "ai.generateText.doGenerate"), ("gen_ai.system", "anthropic.messages"), ("gen_ai.request.model", "claude-sonnet-4-5"),
             ("gen_ai.usage.input_tokens", 21), ("gen_ai.usage.output_tokens", 393),
             ("ai.response.providerMetadata", """
                {"anthropic": {"usage": {"cache_read_input_tokens": 2048, "cache_creation_input_tokens": 188,
                 "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 88}}}}
                """)]),
        () => new("embeddings of the AI SDK", "ai", "", "8/0/0/0/0/0", "openai",
            [("ai.operationId", "ai.embedMany.doEmbed"), ("ai.model.provider", "openai.embedding"), ("ai.model.id", "gpt-4.1"), ("ai.usage.tokens", 8)]),
        () => new("details of LangSmith as text of Python", "langsmith", "1", "1200/1024/0/0/90/0", "openai",
            [("gen_ai.operation.name", "chat"), ("langsmith.span.kind", "llm"), ("gen_ai.system", "openai"), ("gen_ai.request.model", "gpt-4.1"),
             ("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 90), ("gen_ai.usage.input_token_details", "{'cache_read': 1024}")]),
        () => new("thoughts beside candidates of an old Google ADK", "gcp.vertex.agent", "1", "1000/600/0/0/300/200", "google",
            [("gen_ai.system", "gcp.vertex.agent"), ("gen_ai.request.model", "gemini-2.5-flash"),
             ("gen_ai.usage.input_tokens", 1000), ("gen_ai.usage.output_tokens", 100),
             ("gcp.vertex.agent.llm_response",
              """{"usage_metadata": {"candidates_token_count": 100, "thoughts_token_count": 200, "cached_content_token_count": 600}}""")]),
        () => new("a model of another vendor at Google", "pydantic-ai", "1", "1200/0/0/0/90/0", "gcp.vertex_ai",
            [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "gcp.vertex_ai"), ("gen_ai.request.model", "claude-sonnet-4-5"),
             ("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 90)]),
        () => new("a model whose answer names an unknown snapshot", "a", "1", "1200/0/0/0/90/0", "azure.ai.openai",
            [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "azure.ai.openai"), ("gen_ai.response.model", "our-deployment"),
             ("gen_ai.request.model", "gpt-4.1"), ("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 90)]),
        () => new("a span of Claude Code", "com.anthropic.claude_code.tracing", "2", "91660/84562/7096/0/1200/0", "anthropic",
            [("span.type", "llm_request"), ("model", "claude-sonnet-4-5"), ("gen_ai.system", "anthropic"), ("input_tokens", 2),
             ("output_tokens", 1200), ("cache_read_tokens", 84562), ("cache_creation_tokens", 7096), ("request_id", "req_1")]),
        () => new("counts of details are not summed up", "pydantic-ai", "1", "1200/1024/0/0/90/64", "openai",
            [("gen_ai.operation.name", "chat"), ("gen_ai.provider.name", "openai"), ("gen_ai.request.model", "gpt-4.1"),
             ("gen_ai.usage.input_tokens", 1200), ("gen_ai.usage.output_tokens", 90), ("gen_ai.usage.cache_read.input_tokens", 1024),
             ("gen_ai.usage.details.cache_read_tokens", 1024), ("gen_ai.usage.details.reasoning_tokens", 64)]),
    ];

    public static IEnumerable<Func<JsonObject>> SpansWithoutUsage()
    {
        (string, object)[] counts = [("gen_ai.usage.input_tokens", 10), ("gen_ai.usage.output_tokens", 10), ("gen_ai.request.model", "gpt-4.1")];
        return
        [
            () => SpanFaker.Span(("http.request.method", "GET")),
            () => SpanFaker.Span(("db.system.name", "postgresql")),
            () => SpanFaker.Span([("gen_ai.operation.name", "invoke_agent"), .. counts]),
            () => SpanFaker.Span([("gen_ai.operation.name", "framework"), .. counts]),
            () => SpanFaker.Span([("gen_ai.operation.name", "chat"), ("traceloop.span.kind", "task"), .. counts]),
            () => SpanFaker.Span([("gen_ai.operation.name", "chat"), ("langsmith.span.kind", "prompt"), .. counts]),
            () => SpanFaker.Span([("gen_ai.operation.name", "chat"), ("logfire.span_type", "pending_span"), .. counts]),
            () => SpanFaker.Span([("openinference.span.kind", "AGENT"), .. counts]),
            () => SpanFaker.Span([("ai.operationId", "ai.generateText"), .. counts]),
            () => SpanFaker.Span(("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "gpt-4.1"), ("error.type", "timeout")),
            () => SpanFaker.Span(("gen_ai.usage.input_tokens", 10), ("gen_ai.usage.output_tokens", 10)),
        ];
    }

    [Test]
    [MethodDataSource(nameof(Sources))]
    public async Task The_names_of_a_source_become_the_counts_of_a_usage(Source source)
    {
        using var client = NewClient();

        await client.ExportAsync(SpanFaker.Traces(source.Scope, source.Version, SpanFaker.Span(source.Attributes)));

        var usage = (await client.ReadUsagesAsync()).Single();
        var counts = string.Join('/', ((string[])["input_tokens", "cached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens",
            "output_tokens", "reasoning_tokens"]).Select(member => usage[member]));
        await Assert.That(counts).IsEqualTo(source.Counts);
        await Assert.That((string?)usage["provider"]).IsEqualTo(source.Provider);
        await Assert.That((string?)usage["cost_source"]).IsEqualTo("registry");
    }

    [Test]
    [MethodDataSource(nameof(SpansWithoutUsage))]
    public async Task A_span_that_is_no_call_with_counts_is_accepted_and_not_billed(JsonObject span)
    {
        using var client = NewClient();

        var answer = await client.ExportAsync(SpanFaker.Traces("a", "1", span));

        await Assert.That((answer.Status, answer.Text)).IsEqualTo((200, "{}"));
        await Assert.That(await client.ReadUsagesAsync()).IsEmpty();
    }

    [Test]
    public async Task The_reported_cost_counts_where_no_price_list_knows_the_model()
    {
        using var client = NewClient();

        await client.ExportAsync(SpanFaker.Traces(
            "a", "1",
            SpanFaker.Call(("gen_ai.response.model", "in-house"), ("gen_ai.request.model", "in-house"), ("gen_ai.usage.cost", 0.25)),
            SpanFaker.Call(("gen_ai.usage.cost", 0.25))));

        var costs = (await client.ReadUsagesAsync()).Select(usage => ((decimal)usage["cost"]!, (string)usage["cost_source"]!));
        await Assert.That(costs).IsEquivalentTo([(0.25m, "client"), (0.00312m, "registry")]);
    }

    [Test]
    public async Task A_setting_lets_the_reported_cost_win_and_names_further_sources_of_exclusive_counts()
    {
        await using var own = await ServerFixture.StartAsync(
            server.ConnectionString, server.Upstream, ("OTLP_PREFER_REPORTED_COST", "true"), ("OTLP_EXCLUSIVE_SOURCES", "acme*"));
        using var client = new OtlpClient(own.Address, OtlpClient.NewKey());

        await client.ExportAsync(SpanFaker.Traces(
            "acme.llm", "1", SpanFaker.Call(("gen_ai.usage.cost", 0.25), ("gen_ai.usage.cache_read.input_tokens", 100))));

        var usage = (await client.ReadUsagesAsync()).Single();
        await Assert.That(((decimal)usage["cost"]!, (string?)usage["cost_source"])).IsEqualTo((0.25m, "client"));
        await Assert.That((int)usage["input_tokens"]!).IsEqualTo(1300);
        await Assert.That((string?)usage["token_counts"]).IsEqualTo("parts_added");
        await Assert.That((string?)usage["metadata"]!["input_counting_by"]).IsEqualTo("setting");
    }

    [Test]
    public async Task Alias_profile_conversation_and_tier_are_taken_from_their_attributes()
    {
        using var client = NewClient();
        var conversation = Guid.NewGuid().ToString();

        await client.ExportAsync(SpanFaker.Traces("a", "1", SpanFaker.Call(
            ("llmring.alias", "fast"), ("llmring.profile", "prod"), ("gen_ai.conversation.id", conversation),
            ("gen_ai.response.id", "resp-1"), ("openai.response.service_tier", "batch"))));

        var usage = (await client.ReadUsagesAsync()).Single();
        await Assert.That((string?)usage["alias"]).IsEqualTo("fast");
        await Assert.That((string?)usage["profile"]).IsEqualTo("prod");
        await Assert.That((string?)usage["conversation_id"]).IsEqualTo(conversation);
        await Assert.That((string?)usage["id_at_origin"]).IsEqualTo("resp-1");
        await Assert.That((string?)usage["service_tier"]).IsEqualTo("batch");
        await Assert.That((decimal)usage["cost"]!).IsEqualTo(0.00156m);
    }

    [Test]
    public async Task Messages_of_a_span_are_not_stored()
    {
        using var client = NewClient();
        var call = SpanFaker.Call(
            ("gen_ai.input.messages", Prompt), ("gen_ai.prompt.0.content", Prompt), ("input.value", Prompt), ("ai.prompt", Prompt),
            ("process.command_args", Prompt));
        call["events"] = new JsonArray(new JsonObject { ["name"] = Prompt });

        await client.ExportAsync(SpanFaker.Traces("a", "1", call));

        await Assert.That((await client.ReadUsagesAsync()).Single().ToJsonString()).DoesNotContain(Prompt);
    }

    [Test]
    public async Task A_call_that_ends_in_the_future_is_logged_at_its_receipt()
    {
        using var client = NewClient();
        var call = SpanFaker.Call();
        call["endTimeUnixNano"] = SpanFaker.Now(TimeSpan.FromHours(2));

        await client.ExportAsync(SpanFaker.Traces("a", "1", call));

        var logged = (DateTimeOffset)(await client.ReadUsagesAsync()).Single()["logged_at"]!;
        await Assert.That(logged).IsLessThan(DateTimeOffset.UtcNow.AddMinutes(5));
    }

    private OtlpClient NewClient() => new(server.Server.Address, OtlpClient.NewKey());

    public sealed record Source(
        string Name, string Scope, string Version, string Counts, string Provider, (string Name, object Value)[] Attributes)
    {
        public override string ToString() => Name;
    }
}
