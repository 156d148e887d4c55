using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LlmRing.Modules.Budgets.Storage;
using LlmRing.Shared.Json;

namespace LlmRing.Modules.Budgets.Alerts;

/// <summary>The body of a webhook; amounts in USD.</summary>
internal sealed record WebhookMessage(
    Guid Id,
    string Type,
    Guid BudgetId,
    string? Alias,
    string Month,
    decimal Limit,
    decimal Threshold,
    decimal Spent,
    DateTimeOffset CrossedAt)
{
    /// <summary>
    /// The header <c>X-LLMRing-Signature: t=SECONDS,v1=HEX</c>: the Unix time, and the HMAC-SHA256 of <c>SECONDS.BODY</c>.
    /// </summary>
    public const string SignatureHeader = "X-LLMRing-Signature";

    public static HttpRequestMessage CreateRequest(DueAlert alert, DateTimeOffset now)
    {
        var message = new WebhookMessage(
            alert.Id,
            alert.Status is BudgetStatus.Exceeded ? "budget.exceeded" : "budget.warning",
            alert.BudgetId,
            alert.Alias.Length == 0 ? null : alert.Alias,
            Storage.Month.Of(new DateTimeOffset(alert.Month, TimeSpan.Zero)).ToString(),
            alert.LimitUsd,
            alert.Amount,
            alert.Spent,
            alert.CrossedAt);
        var body = JsonSerializer.SerializeToUtf8Bytes(message, JsonConventions.Options);
        // The signature includes the time, so that a receiver can reject a replayed request.
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] signed = [.. Encoding.UTF8.GetBytes($"{seconds}."), .. body];
        var signature = HMACSHA256.HashData(Encoding.UTF8.GetBytes(alert.WebhookSecret), signed);

        var request = new HttpRequestMessage(HttpMethod.Post, alert.WebhookUrl) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(SignatureHeader, $"t={seconds},v1={Convert.ToHexStringLower(signature)}");
        return request;
    }
}
