using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Contracts;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Otlp.Calls;

/// <summary>Reads calls of models from spans and log records.</summary>
internal sealed class CallReader(OtlpSettings settings, TimeProvider time)
{
    /// <summary>
    /// Older calls are refused: a repeat of them could not be known. Less than the seven days for which spans and idempotency keys are
    /// kept, because those begin with the receipt.
    /// </summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromDays(7) - TimeSpan.FromHours(1);

    private const int MaxLabel = 255;
    private const int MaxProvider = 50;

    private static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(5);
    private static readonly string[] Placeholders = ["none", "unknown"];

    /// <summary>The call of a span with the role <see cref="SpanRole.Call"/>.</summary>
    /// <exception cref="RefusedRecordException">The call cannot be stored.</exception>
    public LlmCall ReadSpan(TelemetryRecord span)
    {
        var requestId = span.Attributes.TextOf(SourceAttributes.RequestId);
        var latency = span.EndNanoseconds > span.StartNanoseconds ? (span.EndNanoseconds - span.StartNanoseconds) / 1_000_000 : 0;
        return Read(
            span,
            SpanRoles.TokensOf(span),
            latencyMs: (int)Math.Min(latency, int.MaxValue),
            provider: null,
            idAtOrigin: $"{span.TraceId}:{span.SpanId}",
            // Claude Code sends the same call as a log record.
            idempotencyKey: SpanRoles.TokensOf(span) == SourceAttributes.ClaudeCode && requestId is not null ? KeyOf(requestId) : null);
    }

    /// <summary>The call of a log record; null for a record that is none.</summary>
    /// <exception cref="RefusedRecordException">The call cannot be stored.</exception>
    public LlmCall? ReadLog(TelemetryRecord log)
    {
        var attributes = log.Attributes;
        if (log.Name is "claude_code.api_request"
            || (log.Name is "api_request" && log.Scope.Name.StartsWith("com.anthropic.claude_code", StringComparison.Ordinal)))
        {
            var key = attributes.TextOf(SourceAttributes.RequestId)
                ?? HashOf(log, SourceAttributes.ClaudeCode, SourceAttributes.SessionId, SourceAttributes.EventSequence);
            return Read(
                log, SourceAttributes.ClaudeCode, (int?)ReportedTokens.CountOf(attributes, SourceAttributes.DurationMs), "anthropic", key,
                KeyOf(key));
        }

        // The CLI sends an event for each part of the stream; the last one has the counts.
        if (log.Name is "codex.sse_event" && attributes.TextOf(SourceAttributes.EventKind) is "response.completed"
            && attributes.TextOf(SourceAttributes.Codex.Input[0]) is not null)
        {
            var key = HashOf(log, SourceAttributes.Codex, SourceAttributes.CodexConversation);
            return Read(log, SourceAttributes.Codex, latencyMs: null, "openai", key, KeyOf(key));
        }

        return null;
    }

    private LlmCall Read(
        TelemetryRecord record, TokenAttributes names, int? latencyMs, string? provider, string idAtOrigin, string? idempotencyKey)
    {
        var (attributes, createdAt) = (record.Attributes, TimeOf(record));
        var tokens = ReportedTokens.Read(attributes, names);
        var models = SourceAttributes.Models
            .Select(attributes.TextOf)
            .OfType<string>()
            .Where(model => !Placeholders.Contains(model, StringComparer.OrdinalIgnoreCase))
            .Select(model => Label(model, "the model"))
            .Distinct()
            .ToList();
        var model = models.FirstOrDefault();
        var host = provider ?? Vendors.ProviderOf(attributes.FirstTextOf(SourceAttributes.Providers), model);
        var vendor = Vendors.VendorOf(model);
        var counting = InputCounting.Decide(
            tokens.Input, tokens.Output, tokens.Cached, tokens.Total, tokens.HasUncached, (record.Scope.Name, record.Scope.Version),
            vendor is null ? [host] : [host, vendor], settings.ExclusiveSources);
        if (tokens.ToCounts(counting.IsInclusive) is not { } counts)
            throw new RefusedRecordException($"with the cached tokens, its input exceeds {int.MaxValue} tokens");

        var responseId = attributes.FirstTextOf(SourceAttributes.ResponseIds);
        var usage = new NewUsage
        {
            Id = Guid.CreateVersion7(createdAt),
            CreatedAt = createdAt,
            Provider = Label(host, "the provider", MaxProvider),
            Model = model ?? Vendors.Unknown,
            FurtherNames = FurtherNamesOf(host, vendor, models),
            Tokens = counts,
            ServiceTier = attributes.FirstTextOf(SourceAttributes.ServiceTiers),
            ReportedCost = CostOf(attributes),
            PrefersReportedCost = settings.PreferReportedCost,
            Alias = OptionalLabel(attributes.TextOf(SourceAttributes.Alias) ?? record.Resource.TextOf(SourceAttributes.Alias), 128),
            Profile = OptionalLabel(attributes.TextOf(SourceAttributes.Profile) ?? record.Resource.TextOf(SourceAttributes.Profile), 64)
                ?? "default",
            Origin = OriginOf(record.Resource),
            IdAtOrigin = Label(responseId ?? idAtOrigin, "the id of the response"),
            ConversationId = Guid.TryParse(attributes.FirstTextOf(SourceAttributes.Conversations), out var id) ? id : null,
            LatencyMs = latencyMs,
            Metadata = CallMetadata.Of(record, models, tokens, counting),
            IdempotencyKey = idempotencyKey,
        };
        return new LlmCall(usage, responseId is null ? null : $"{responseId}\0{tokens.Input}\0{tokens.Output}");
    }

    private DateTime TimeOf(TelemetryRecord record)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var end = DateTime.UnixEpoch.AddTicks((long)(record.EndNanoseconds / 100));
        if (end < now - MaxAge)
            throw new RefusedRecordException($"it ended at {end:yyyy-MM-ddTHH:mm:ssZ}, more than {MaxAge.TotalDays:0} days ago");
        // A clock that is far ahead would put the call into a month to come.
        var at = end > now + MaxClockSkew ? now : end;
        return at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private static List<ModelName> FurtherNamesOf(string host, string? vendor, List<string> models)
    {
        var names = models.Skip(1).Select(model => new ModelName(host, model)).ToList();
        if (vendor is not null && vendor != host)
            names.AddRange(models.Select(model => new ModelName(vendor, model)));
        return names;
    }

    private static decimal? CostOf(AttributeSet attributes) =>
        decimal.TryParse(attributes.FirstTextOf(SourceAttributes.Costs), NumberStyles.Float, CultureInfo.InvariantCulture, out var cost)
            && cost is >= 0 and <= 1_000_000_000
                ? cost
                : null;

    private static string? OriginOf(AttributeSet resource) =>
        resource.TextOf(SourceAttributes.ServiceName) is { } name && !name.StartsWith("unknown_service", StringComparison.Ordinal)
            ? Label(name, "service.name")
            : null;

    private static string? OptionalLabel(string? text, int max) => text is null ? null : Label(text, "a label", max);

    /// <summary>A text that fits into its column.</summary>
    private static string Label(string text, string name, int max = MaxLabel) => text.Contains('\0')
        ? throw new RefusedRecordException($"{name} contains the character U+0000")
        : WantedAttributes.Cut(text, max);

    private static string KeyOf(string text) => WantedAttributes.Cut($"otlp:{Label(text, "the id of the request")}", MaxLabel);

    /// <summary>Names a log record that has no id of its own, by some attributes, its time and its counts.</summary>
    private static string HashOf(TelemetryRecord log, TokenAttributes names, params IEnumerable<string> attributes)
    {
        var parts = attributes.Append(SourceAttributes.EventTimestamp).Concat(names.All)
            .Select(name => log.Attributes.TextOf(name))
            .Append(log.Attributes.TextOf(SourceAttributes.EventTimestamp) is null
                ? log.EndNanoseconds.ToString(CultureInfo.InvariantCulture)
                : null);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', parts))).AsSpan(0, 16));
    }
}

/// <summary>A call of a model.</summary>
/// <param name="Usage">The usage of the call.</param>
/// <param name="TwinKey">
/// Equal for two spans of one trace that report one call: the id of the response with the counts. The id alone does not suffice, because
/// local servers repeat theirs. Null where the source sends no id.
/// </param>
internal sealed record LlmCall(NewUsage Usage, string? TwinKey);
