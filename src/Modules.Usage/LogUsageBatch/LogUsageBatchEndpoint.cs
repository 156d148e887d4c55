using System.Text.Json;
using FastEndpoints;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using RequestSizeLimitAttribute = Microsoft.AspNetCore.Mvc.RequestSizeLimitAttribute;

namespace LlmRing.Modules.Usage.LogUsageBatch;

/// <summary>POST /api/v1/log/batch stores many usages at once.</summary>
internal sealed class LogUsageBatchEndpoint(UsageRecordFactory factory, UsageTimestamps timestamps, UsageStore store, TimeProvider time)
    : EndpointWithoutRequest<IReadOnlyList<LogResult>>
{
    private const string NdJson = "application/x-ndjson";
    private const string IdempotencyKeyHeader = "Idempotency-Key";
    private const int MaxKeyLength = 255;
    private const int MaxFaults = 100;

    public override void Configure()
    {
        Post("/api/v1/log/batch");
        Options(route => route.WithMetadata(new RequestSizeLimitAttribute(30_000_000)));
        Description(route => route.Accepts<IReadOnlyList<UsageInput>>("application/json", NdJson), clearDefaults: false);
        Summary(summary =>
        {
            summary.Summary = "Log up to 10,000 usages at once";
            summary.Description = """
                As a JSON array: all of them are stored or none. As `application/x-ndjson`, a usage per line: each line is stored or refused
                by itself and is answered by a line of its own. The body may be gzipped.
                The members of a usage are those of `/api/v1/log`; usages of one batch may have timestamps of many months.
                With an `Idempotency-Key` or with `id`s, a repeat answers the first results and adds nothing.
                """;
            summary.ExampleRequest = new[]
            {
                new { Provider = "openai", Model = "gpt-4.1", InputTokens = 1200, OutputTokens = 350, Alias = "fast" },
                new { Provider = "anthropic", Model = "claude-sonnet-4-5", InputTokens = 900, OutputTokens = 200, Alias = "deep" },
            };
            summary.Response<IReadOnlyList<LogResult>>(StatusCodes.Status200OK, "Stored; results in the order of the request.");
            summary.Response<ErrorBody>(StatusCodes.Status413PayloadTooLarge, "More than 10,000 usages, or too many bytes.");
        });
    }

    public override Task HandleAsync(CancellationToken ct)
    {
        var key = HttpContext.Request.Headers[IdempotencyKeyHeader].ToString();
        if (key.Length > MaxKeyLength)
            return RefuseKeyAsync(ct);
        var batch = new UsageBatch(factory, timestamps, HttpContext.GetScope(), key, time.GetPostgresNow().UtcDateTime);
        return HttpContext.Request.ContentType!.StartsWith(NdJson, StringComparison.OrdinalIgnoreCase)
            ? LogLinesAsync(batch, ct)
            : LogArrayAsync(batch, ct);
    }

    // The endpoint has no request type that a validator could check: the body is read usage by usage.
    private Task RefuseKeyAsync(CancellationToken ct)
    {
        var error = new ValidationError(["header", IdempotencyKeyHeader], $"The key has at most {MaxKeyLength} characters.", "value_error");
        HttpContext.MarkResponseStart();
        HttpContext.Response.StatusCode = StatusCodes.Status422UnprocessableEntity;
        return HttpContext.Response.WriteAsJsonAsync(new ValidationErrorBody([error]), JsonConventions.Options, ct);
    }

    private async Task LogArrayAsync(UsageBatch batch, CancellationToken ct)
    {
        var inputs = await ReadArrayAsync(batch, ct);
        ThrowIfAnyErrors();
        var records = new List<UsageRecord>(inputs.Count);
        foreach (var input in inputs)
            records.Add(await batch.CreateRecordAsync(input, position: records.Count, ct));
        await Send.OkAsync(records.Count == 0 ? [] : await store.LogAsync(records, RollupWriter.Batch, ct), ct);
    }

    /// <summary>Reads and validates usage by usage; failures are in <see cref="BaseEndpoint.ValidationFailures"/>.</summary>
    private async Task<List<UsageInput>> ReadArrayAsync(UsageBatch batch, CancellationToken ct)
    {
        var (inputs, position) = (new List<UsageInput>(), 0);
        var read = JsonSerializer.DeserializeAsyncEnumerable<UsageInput>(HttpContext.Request.Body, JsonConventions.Options, ct);
        try
        {
            await foreach (var input in read)
            {
                if (position == UsageBatch.MaxUsages)
                    throw UsageBatch.TooManyUsages();
                foreach (var failure in batch.Validate(input))
                {
                    failure.PropertyName = $"[{position}].{failure.PropertyName}";
                    ValidationFailures.Add(failure);
                }

                if (ValidationFailures.Count > MaxFaults)
                    break;
                if (input is not null)
                    inputs.Add(input);
                position++;
            }
        }
        catch (JsonException exception)
        {
            throw ValidationErrors.FromJson(exception);
        }

        return inputs;
    }

    private async Task LogLinesAsync(UsageBatch batch, CancellationToken ct)
    {
        var results = await new NdJsonBatch(batch, store).LogAsync(HttpContext.Request.BodyReader, ct);
        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = NdJson;
        var lines = results.Select(result => JsonSerializer.Serialize(result, JsonConventions.Options) + "\n");
        await HttpContext.Response.WriteAsync(string.Concat(lines), ct);
    }
}
