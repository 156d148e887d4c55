using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LlmRing.Modules.Otlp.Wire;
using LlmRing.Shared.Pricing;

namespace LlmRing.Modules.Otlp.Calls;

/// <summary>The counts of a call as its source sent them.</summary>
internal sealed partial record ReportedTokens
{
    public long Input { get; private init; }
    public long Output { get; private set; }
    public long CacheRead { get; private set; }
    public long CacheWrite5Minutes { get; private set; }
    public long CacheWrite1Hour { get; private set; }
    public long Reasoning { get; private set; }
    public long? Total { get; private init; }
    public bool HasUncached { get; private init; }

    public long Cached => CacheRead + CacheWrite5Minutes + CacheWrite1Hour;

    /// <summary>Reads the counts.</summary>
    /// <exception cref="RefusedRecordException">A count is not a whole number from 0 to 2147483647.</exception>
    public static ReportedTokens Read(AttributeSet attributes, TokenAttributes names)
    {
        var tokens = new ReportedTokens
        {
            Input = FirstOf(attributes, names.Input) ?? 0,
            Output = FirstOf(attributes, names.Output) ?? 0,
            Reasoning = FirstOf(attributes, names.Reasoning) ?? 0,
            Total = FirstOf(attributes, SourceAttributes.TotalTokens),
            HasUncached = attributes.Find(SourceAttributes.UncachedInput) is not null,
        };
        var (read, write) = (FirstOf(attributes, names.CacheRead), FirstOf(attributes, names.CacheWrite));
        var fiveMinutes = CountOf(attributes, SourceAttributes.CacheWrite5Minutes) ?? 0;
        var oneHour = CountOf(attributes, SourceAttributes.CacheWrite1Hour) ?? 0;
        if (UsageObjectOf(attributes) is { } usage)
        {
            read ??= CountOf(usage, "cache_read_input_tokens");
            write ??= CountOf(usage, "cache_creation_input_tokens");
            if (usage.TryGetProperty("cache_creation", out var creation) && creation.ValueKind is JsonValueKind.Object)
            {
                fiveMinutes = CountOf(creation, "ephemeral_5m_input_tokens") ?? fiveMinutes;
                oneHour = CountOf(creation, "ephemeral_1h_input_tokens") ?? oneHour;
            }
        }

        if (attributes.TextOf(SourceAttributes.InputDetails) is { } details)
        {
            read ??= DetailOf(details, CacheReadDetail());
            write ??= DetailOf(details, CacheCreationDetail());
        }

        tokens.CacheRead = read ?? 0;
        tokens.CacheWrite1Hour = oneHour;
        // Where the source does not tell how long, the tokens are kept for five minutes.
        tokens.CacheWrite5Minutes = Math.Max(fiveMinutes, (write ?? 0) - oneHour);
        tokens.ReadVertexResponse(attributes, hasCacheRead: read is not null);
        // A part of the output, which some sources let exceed it.
        tokens.Reasoning = Math.Min(tokens.Reasoning, tokens.Output);
        return tokens;
    }

    /// <summary>The inclusive counts; null where a sum does not fit into 32 bits.</summary>
    public TokenCounts? ToCounts(bool isInclusive)
    {
        var input = isInclusive ? Input : Input + Cached;
        return input > int.MaxValue || Output > int.MaxValue
            ? null
            : new TokenCounts(
                (int)input, (int)Output, (int)CacheRead, (int)CacheWrite5Minutes, (int)CacheWrite1Hour, (int)Reasoning)
            {
                PartsAdded = input != Input,
            };
    }

    /// <summary>A count of milliseconds, tokens or the like; null where absent.</summary>
    public static long? CountOf(AttributeSet attributes, string name)
    {
        if (attributes.Find(name) is not { } value || value.Text is { Length: 0 })
            return null;
        var count = value.Integer ?? (long?)WholeNumberOf(value.Number ?? Parse(value.Text)) ?? -1;
        return count is >= 0 and <= int.MaxValue
            ? count
            : throw new RefusedRecordException($"{name} is not a whole number from 0 to {int.MaxValue}");
    }

    private static long? FirstOf(AttributeSet attributes, IEnumerable<string> names) =>
        names.Select(name => CountOf(attributes, name)).FirstOrDefault(count => count is not null);

    private static double? Parse(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static double? WholeNumberOf(double? number) =>
        number is >= 0 and <= int.MaxValue && Math.Floor(number.Value) == number.Value ? number : null;

    /// <summary>The usage object of Anthropic, from one of the attributes that contain it.</summary>
    private static JsonElement? UsageObjectOf(AttributeSet attributes)
    {
        if (ObjectOf(attributes, SourceAttributes.RawUsage) is { } raw)
            return raw;
        return ObjectOf(attributes, SourceAttributes.ProviderMetadata) is { } metadata
            && metadata.TryGetProperty("anthropic", out var anthropic) && anthropic.ValueKind is JsonValueKind.Object
            && anthropic.TryGetProperty("usage", out var usage) && usage.ValueKind is JsonValueKind.Object
                ? usage
                : null;
    }

    private void ReadVertexResponse(AttributeSet attributes, bool hasCacheRead)
    {
        if (ObjectOf(attributes, SourceAttributes.VertexResponse) is not { } response
            || !response.TryGetProperty("usage_metadata", out var usage) || usage.ValueKind is not JsonValueKind.Object)
            return;
        if (!hasCacheRead)
            CacheRead = CountOf(usage, "cached_content_token_count") ?? 0;
        // Older versions send the tokens of the candidates alone; thoughts are billed as output.
        if (CountOf(usage, "thoughts_token_count") is { } thoughts && CountOf(usage, "candidates_token_count") == Output)
            (Output, Reasoning) = (Output + thoughts, thoughts);
    }

    private static JsonElement? ObjectOf(AttributeSet attributes, string name)
    {
        if (attributes.TextOf(name) is not { } text)
            return null;
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind is JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            // Some sources cut the text. It only adds to counts that stand in attributes of their own.
            return null;
        }
    }

    private static long? CountOf(JsonElement usage, string name) =>
        usage.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.Number
            && value.TryGetInt32(out var count) && count >= 0
                ? count
                : null;

    private static long? DetailOf(string details, Regex pattern) =>
        pattern.Match(details) is { Success: true } match
            && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
                ? count
                : null;

    [GeneratedRegex(@"['""]cache_read['""]\s*:\s*(\d{1,10})")]
    private static partial Regex CacheReadDetail();

    [GeneratedRegex(@"['""]cache_creation['""]\s*:\s*(\d{1,10})")]
    private static partial Regex CacheCreationDetail();
}
