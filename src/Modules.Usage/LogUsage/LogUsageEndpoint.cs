using System.Text.Json;
using System.Text.Json.Serialization;
using FastEndpoints;
using FluentValidation;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Usage.LogUsage;

/// <summary>POST /api/v1/log stores the usage of one LLM call.</summary>
internal sealed class LogUsageEndpoint(UsageBatchWriter writer, UsageRecordFactory factory, UsageTimestamps timestamps, TimeProvider time)
    : Endpoint<LogUsageRequest, LogResult>
{
    private const int MaxBody = 1024 * 1024;

    public override void Configure()
    {
        Post("/api/v1/log");
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(MaxBody)));
        Summary(summary =>
        {
            summary.Summary = "Log the usage of an LLM call";
            summary.Description = """
                Without `cost` the call is priced from the price lists: `priced_as` names the entry, `cost_source` the list. An unknown
                model costs 0 and is marked `unpriced`. Counts are stored inclusively: `input_tokens` contains cache reads and writes,
                `output_tokens` contains reasoning. `input_includes_cache: false` says that the cache tokens must be added; instead of the
                counts, `usage` takes the provider's own usage object, and wins over counts beside it.
                `timestamp` is the time of the call, from 2020 (or the retention of usages) to 5 minutes ahead.
                The usage is answered once it is stored for good.
                A repeat with the same `Idempotency-Key` or `id` answers the first result and adds nothing.
                """;
            summary.ExampleRequest = Example;
            summary.Response<LogResult>(StatusCodes.Status200OK, "Stored.");
            summary.Response<ErrorBody>(StatusCodes.Status413PayloadTooLarge, "The body is larger than 1 MiB.");
            summary.Response<ErrorBody>(
                StatusCodes.Status503ServiceUnavailable,
                "Too much is waiting, or the database is away; come again after `Retry-After` seconds.");
        });
    }

    public override async Task HandleAsync(LogUsageRequest request, CancellationToken ct)
    {
        var now = time.GetPostgresNow().UtcDateTime;
        if (timestamps.Validate(request.Timestamp, now) is { } failure)
            ValidationFailures.Add(failure);
        ThrowIfAnyErrors();
        var record = await factory.CreateAsync(HttpContext.GetScope(), request, request.IdempotencyKey, now, ct);
        if (writer.TryWrite(record) is not { } result)
        {
            HttpContext.Response.Headers.RetryAfter = "1";
            await Send.DetailAsync(StatusCodes.Status503ServiceUnavailable, "Too many usages are waiting to be stored", ct);
            return;
        }

        await Send.OkAsync(await result, ct);
    }

    private static LogUsageRequest Example => new()
    {
        Provider = "openai",
        Model = "gpt-4.1",
        InputTokens = 1200,
        OutputTokens = 350,
        CachedInputTokens = 1000,
        Alias = "fast",
        Profile = "default",
        Origin = "support-bot",
        LatencyMs = 840,
        Metadata = JsonSerializer.SerializeToElement(new { ticket = 4711 }),
    };
}

internal sealed record LogUsageRequest : UsageInput
{
    /// <summary>A repeat with the same key answers the first result.</summary>
    // From the header only: a member of the body with this name is ignored, as any unknown one.
    [FromHeader("Idempotency-Key", IsRequired = false)]
    [JsonPropertyName("Idempotency-Key")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenReading)]
    public string? IdempotencyKey { get; init; }
}

internal sealed class LogUsageValidator : UsageInputRules<LogUsageRequest>
{
    public LogUsageValidator() => RuleFor(request => request.IdempotencyKey).MaximumLength(255);
}
