using System.IO.Pipelines;
using System.Text.Json;
using FluentValidation.Results;
using LlmRing.Modules.Usage.Pricing;
using LlmRing.Modules.Usage.Rollups;
using LlmRing.Modules.Usage.Storage;
using LlmRing.Shared.Errors;
using LlmRing.Shared.Json;
using Npgsql;

namespace LlmRing.Modules.Usage.LogUsageBatch;

/// <summary>Logs NDJSON: each line is stored or refused by itself.</summary>
internal sealed class NdJsonBatch(UsageBatch batch, UsageStore store)
{
    /// <summary>Stores the lines of a body that can be stored.</summary>
    /// <returns>A <see cref="LogResult"/> or a <see cref="RefusedLine"/> per line.</returns>
    public async Task<IReadOnlyList<object>> LogAsync(PipeReader body, CancellationToken cancellationToken)
    {
        var lines = new List<(UsageRecord? Record, RefusedLine? Refusal)>();
        await foreach (var line in NdJsonLines.ReadAsync(body, cancellationToken))
        {
            if (lines.Count == UsageBatch.MaxUsages)
                throw UsageBatch.TooManyUsages();
            var (input, failures) = Read(line);
            lines.Add(input is null || failures.Count > 0
                ? (null, new RefusedLine(ValidationErrors.OfBody(failures)))
                : (await batch.CreateRecordAsync(input, position: lines.Count, cancellationToken), null));
        }

        var records = lines.Select(line => line.Record).OfType<UsageRecord>().ToList();
        var stored = new Queue<object>(records.Count == 0 ? [] : await StoreAsync(records, cancellationToken));
        return [.. lines.Select(line => line.Refusal ?? stored.Dequeue())];
    }

    private async Task<IReadOnlyList<object>> StoreAsync(List<UsageRecord> records, CancellationToken cancellationToken)
    {
        try
        {
            return await store.LogAsync(records, RollupWriter.Batch, cancellationToken);
        }
        catch (PostgresException exception) when (IsRefusal(exception))
        {
            // PostgreSQL refuses the statement for a single value: the other records are stored one by one.
            var results = new List<object>(records.Count);
            foreach (var record in records)
                results.Add(await StoreAloneAsync(record, cancellationToken));
            return results;
        }
    }

    private async Task<object> StoreAloneAsync(UsageRecord record, CancellationToken cancellationToken)
    {
        try
        {
            return (await store.LogAsync([record], RollupWriter.Batch, cancellationToken))[0];
        }
        catch (PostgresException exception) when (IsRefusal(exception))
        {
            return new RefusedLine($"A value cannot be stored: {exception.MessageText}");
        }
    }

    // Class 22, data exception: a value cannot be stored. Errors of other classes concern all records.
    private static bool IsRefusal(PostgresException exception) => exception.SqlState.StartsWith("22", StringComparison.Ordinal);

    private (UsageInput? Input, IReadOnlyList<ValidationFailure> Failures) Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            var input = JsonSerializer.Deserialize<UsageInput>(line.Span, JsonConventions.Options);
            return (input, batch.Validate(input));
        }
        catch (JsonException exception)
        {
            return (null, [ValidationErrors.ToFailure(ValidationErrors.FromJson(exception))]);
        }
    }
}

/// <summary>A line of NDJSON that was not stored.</summary>
/// <param name="Detail">Why: the entries of a 422, or a text.</param>
internal sealed record RefusedLine(object Detail);
