using System.Text.Json;
using FastEndpoints;
using FluentValidation.Results;
using LlmRing.Modules.Usage.LogUsage;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using LlmRing.Shared.Postgres;
using LlmRing.Shared.Scopes;
using Microsoft.AspNetCore.Http;
using Npgsql;

namespace LlmRing.Modules.Usage.LogBatch;

/// <summary>POST /api/v1/log/batch stores many usages at once.</summary>
internal sealed class LogBatchEndpoint(UsageRepository usages, IModelPrices prices, TimeProvider time) : EndpointWithoutRequest<IReadOnlyList<LogUsageResponse>>
{
    private const string NdJson = "application/x-ndjson";
    private const int MaxUsages = 10_000;
    private const int MaxFaults = 100;

    private static readonly LogUsageValidator Validator = new();

    public override void Configure()
    {
        Post("/api/v1/log/batch");
        Description(route => route.Accepts<IReadOnlyList<LogUsageRequest>>("application/json", NdJson), clearDefaults: false);
        Summary(summary =>
        {
            summary.Summary = "Log up to 10,000 usages at once";
            summary.Description = "As a JSON array: all of them are stored or none. As `application/x-ndjson`, a usage per line: each line is stored or refused by itself "
                + "and is answered by a line of its own. The body may be gzipped. With an `Idempotency-Key` or with `id`s, a repeat answers the first results and adds nothing.";
            summary.ExampleRequest = new[]
            {
                new { Provider = "openai", Model = "gpt-4.1", InputTokens = 1200, OutputTokens = 350, Alias = "fast" },
                new { Provider = "anthropic", Model = "claude-sonnet-4-5", InputTokens = 900, OutputTokens = 200, Alias = "deep" },
            };
            summary.Response<IReadOnlyList<LogUsageResponse>>(StatusCodes.Status200OK, "Stored; results in the order of the request.");
            summary.Response<ErrorBody>(StatusCodes.Status413PayloadTooLarge, "More than 10,000 usages, or too many bytes.");
        });
    }

    public override Task HandleAsync(CancellationToken ct) =>
        HttpContext.Request.ContentType!.StartsWith(NdJson, StringComparison.OrdinalIgnoreCase) ? LogLinesAsync(ct) : LogArrayAsync(ct);

    private async Task LogArrayAsync(CancellationToken ct)
    {
        var (scope, now, rows) = (HttpContext.GetScope(), time.GetPostgresNow().UtcDateTime, new List<UsageRow>());
        try
        {
            await foreach (var request in JsonSerializer.DeserializeAsyncEnumerable<LogUsageRequest>(HttpContext.Request.Body, JsonConventions.Options, ct))
            {
                if (rows.Count == MaxUsages)
                    throw TooMany();
                ValidationFailures.AddRange(Check(request).Select(fault => new ValidationFailure($"[{rows.Count}].{fault.PropertyName}", fault.ErrorMessage) { ErrorCode = fault.ErrorCode }));
                if (ValidationFailures.Count > MaxFaults)
                    break;
                rows.Add(ValidationFailed ? null! : await ToRowAsync(request!, scope, now, rows.Count, ct));
            }
        }
        catch (JsonException exception)
        {
            throw ValidationErrors.FromJson(exception);
        }

        ThrowIfAnyErrors();
        var logged = rows.Count == 0 ? [] : await usages.LogAsync(rows, ct);
        await Send.OkAsync([.. logged.Select(LogUsageResponse.Of)], ct);
    }

    private async Task LogLinesAsync(CancellationToken ct)
    {
        var (scope, now) = (HttpContext.GetScope(), time.GetPostgresNow().UtcDateTime);
        // Of each line the row to store, or what is wrong with it.
        var lines = new List<(UsageRow? Row, object? Fault)>();
        await foreach (var line in NdJsonLines.ReadAsync(HttpContext.Request.BodyReader, ct))
        {
            if (lines.Count == MaxUsages)
                throw TooMany();
            var (request, faults) = Read(line);
            lines.Add(faults.Count > 0 ? (null, ValidationErrors.OfBody(faults)) : (await ToRowAsync(request!, scope, now, lines.Count, ct), null));
        }

        var results = await LogEachAsync(lines, ct);
        HttpContext.MarkResponseStart();
        HttpContext.Response.ContentType = NdJson;
        await HttpContext.Response.WriteAsync(string.Concat(results.Select(result => JsonSerializer.Serialize(result, JsonConventions.Options) + "\n")), ct);
    }

    private async Task<object[]> LogEachAsync(List<(UsageRow? Row, object? Fault)> lines, CancellationToken ct)
    {
        var rows = lines.Where(line => line.Row is not null).Select(line => line.Row!).ToList();
        var outcomes = new Dictionary<UsageRow, object>(ReferenceEqualityComparer.Instance);
        try
        {
            foreach (var (row, logged) in rows.Zip(rows.Count == 0 ? [] : await usages.LogAsync(rows, ct)))
                outcomes[row] = LogUsageResponse.Of(logged);
        }
        catch (PostgresException exception) when (IsRefusal(exception))
        {
            // One of them cannot be stored; alone, the others can.
            foreach (var row in rows)
                outcomes[row] = await LogAloneAsync(row, ct);
        }

        return [.. lines.Select(line => line.Row is null ? new RefusedLine(line.Fault!) : outcomes[line.Row])];
    }

    private async Task<object> LogAloneAsync(UsageRow row, CancellationToken ct)
    {
        try
        {
            return LogUsageResponse.Of((await usages.LogAsync([row], ct))[0]);
        }
        catch (PostgresException exception) when (IsRefusal(exception))
        {
            return new RefusedLine($"A value cannot be stored: {exception.MessageText}");
        }
    }

    // Class 22 is data that cannot be stored; anything else concerns all.
    private static bool IsRefusal(PostgresException exception) => exception.SqlState.StartsWith("22", StringComparison.Ordinal);

    private static (LogUsageRequest? Request, IReadOnlyList<ValidationFailure> Faults) Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            var request = JsonSerializer.Deserialize<LogUsageRequest>(line.Span, JsonConventions.Options);
            return (request, Check(request));
        }
        catch (JsonException exception)
        {
            return (null, [ValidationErrors.ToFailure(ValidationErrors.FromJson(exception))]);
        }
    }

    private static List<ValidationFailure> Check(LogUsageRequest? request) =>
        request is null ? [new ValidationFailure("", "A usage is a JSON object.")] : Validator.Validate(request).Errors;

    private ValueTask<UsageRow> ToRowAsync(LogUsageRequest request, Scope scope, DateTime now, int position, CancellationToken ct)
    {
        // A key for the whole batch is one for each place in it.
        if (HttpContext.Request.Headers["Idempotency-Key"].ToString() is { Length: > 0 } key)
            request.IdempotencyKey = $"{key}[{position}]";
        return request.ToRowAsync(scope, now, prices, ct);
    }

    private static BadHttpRequestException TooMany() => new($"A batch has at most {MaxUsages} usages", StatusCodes.Status413PayloadTooLarge);
}

/// <summary>A line of NDJSON that was not stored, and why.</summary>
internal sealed record RefusedLine(object Detail);
