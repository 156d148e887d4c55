using System.Globalization;
using System.Text;
using LlmRing.Modules.Usage.Storage;

namespace LlmRing.Modules.Usage.ExportLogs;

/// <summary>A usage as a line of CSV (RFC 4180).</summary>
internal static class CsvLine
{
    public const string Header = 
        $"{ClientColumns},cost_source,latency_ms,id,id_at_origin,conversation_id,metadata,priced_as,service_tier,cache_write_5m_tokens,"
        + "cache_write_1h_tokens,reasoning_tokens,token_counts\r\n";

    // The command-line client exports exactly these columns in this order.
    private const string ClientColumns =
        "logged_at,provider,model,alias,profile,origin,input_tokens,output_tokens,cached_input_tokens,cost";

    public static void Append(StringBuilder csv, UsageLog row)
    {
        csv.Append(CultureInfo.InvariantCulture, $"{row.LoggedAt:yyyy-MM-ddTHH:mm:ss.ffffffK},{Text(row.Provider)},{Text(row.Model)},");
        csv.Append(CultureInfo.InvariantCulture, $"{Text(row.Alias)},{Text(row.Profile)},{Text(row.Origin)},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.InputTokens},{row.OutputTokens},{row.CachedInputTokens},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.Cost},{row.CostSource},{row.LatencyMs},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.Id},{Text(row.IdAtOrigin)},{row.ConversationId},{Text(row.Metadata.Text)},");
        csv.Append(CultureInfo.InvariantCulture, $"{Text(row.PricedAs)},{Text(row.ServiceTier)},{row.CacheWrite5mTokens},");
        csv.Append(CultureInfo.InvariantCulture, $"{row.CacheWrite1hTokens},{row.ReasoningTokens},{row.TokenCounts}\r\n");
    }

    private static string? Text(string? text)
    {
        // A spreadsheet would take the text for a formula (OWASP, CSV injection).
        if (text is ['=' or '+' or '-' or '@' or '\t' or '\r', ..])
            text = $"'{text}";
        return text is not null && text.AsSpan().IndexOfAny(",\"\r\n") >= 0
            ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\""
            : text;
    }
}
